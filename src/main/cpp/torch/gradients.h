// The gradients of a step, of all parameters together.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/_foreach_norm.h>

#include <initializer_list>
#include <utility>
#include <vector>

namespace optibridge::torch_bridge {

class Gradients {
 public:
  using List = std::vector<at::Tensor>;
  using NormsOf = std::vector<double> (*)(const List&);

  // Refers to the lists, one for each group of parameters.
  explicit Gradients(std::vector<const List*> groups, NormsOf norms_of = norms_by_torch)
      : groups_(std::move(groups)), norms_of_(norms_of) {}

  // The Euclidean norm of each tensor, computed when first asked for.
  const std::vector<double>& norms() const {
    if (!norms_.empty()) return norms_;
    List all;
    for (const List* group : groups_) all.insert(all.end(), group->begin(), group->end());
    if (!all.empty()) norms_ = norms_of_(all);
    return norms_;
  }

  static std::vector<double> norms_by_torch(const List& all) {
    std::vector<double> norms;
    for (const at::Tensor& norm : at::_foreach_norm(all)) norms.push_back(norm.item<double>());
    return norms;
  }

 private:
  std::vector<const List*> groups_;
  NormsOf norms_of_;
  mutable std::vector<double> norms_;
};

}  // namespace optibridge::torch_bridge
