// What is behind a handle of the C ABI: one algorithm, or one for each group of tensors.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "torch/algorithm.h"
#include "torch/ob_torch.h"
#include "torch/row_step.h"

struct ob_torch_optimizer {
  struct Group {
    std::unique_ptr<ob_torch_optimizer> optimizer;
    double rate;                   // its share of the learning rate
    std::vector<int32_t> columns;  // where its slots are among those of all groups
  };
  // Where a tensor that is bound is found.
  struct Place {
    int32_t group;
    int64_t index;
  };

  std::unique_ptr<optibridge::torch_bridge::Algorithm> algorithm;  // null if there are groups
  std::vector<Group> groups;
  std::vector<int32_t> members;  // the group of each tensor that has slots
  std::vector<Place> places;
  std::vector<optibridge::torch_bridge::SlotSpec> slots;
  std::string slots_text;
  bool bound = false;

  // Steps by rows, of one algorithm.
  std::unique_ptr<optibridge::torch_bridge::RowStep> row_step;
  std::vector<optibridge::Units> units;
  bool rows_are_known = false;     // to row_step, which nobody else's step has outdated
  bool rows_were_stepped = false;  // since the algorithm last looked at the slots
  std::vector<std::string> names;  // of the bound parameters of all groups

  // The part that steps a tensor, and the tensor's position there.
  std::pair<ob_torch_optimizer*, size_t> place_of(size_t tensor) {
    if (groups.empty()) return {this, tensor};
    const Place& place = places[tensor];
    return {groups[place.group].optimizer.get(), static_cast<size_t>(place.index)};
  }

  // Calls visit(part, rate) for each that has one algorithm and tensors; if nothing is bound, for
  // all.
  template <class Visit>
  void each_part(Visit&& visit) {
    if (algorithm != nullptr) {
      visit(*this, 1.0);
      return;
    }
    for (const Group& group : groups) {
      if (!bound || group.optimizer->algorithm->binding().size() > 0) {
        visit(*group.optimizer, group.rate);
      }
    }
  }
  template <class Visit>
  void each_part(Visit&& visit) const {
    const_cast<ob_torch_optimizer*>(this)->each_part(
        [&](const ob_torch_optimizer& part, double rate) { visit(part, rate); });
  }

  // Calls visit(algorithm, rate) for each that has tensors; if nothing is bound, for all.
  template <class Visit>
  void each(Visit&& visit) const {
    each_part([&](const ob_torch_optimizer& part, double rate) { visit(*part.algorithm, rate); });
  }
};

namespace optibridge::torch_bridge {

// Sets the slots and their text.
void set_slots(ob_torch_optimizer& optimizer, std::vector<SlotSpec> slots);

// One optimizer of several, which it owns from now on. Throws std::invalid_argument unless each
// has one algorithm; their owners keep them then.
std::unique_ptr<ob_torch_optimizer> join(ob_torch_optimizer* const* parts, const double* rates,
                                         int32_t count);

// See ob_torch_bind_some.
void bind_some(ob_torch_optimizer& optimizer, const ob_tensor* params, const ob_tensor* grads,
               int64_t count, const int64_t* which, const int64_t* slots, int32_t slot_count,
               int64_t tensors);

// See ob_torch_take.
void take(ob_torch_optimizer& optimizer, ob_torch_optimizer& from);

}  // namespace optibridge::torch_bridge
