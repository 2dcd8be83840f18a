// The memory of a benchmark's contestant as tensors.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "torch/views.h"

namespace optibridge::torch_bridge {

// Views of float32 tensors on the host, each with as many elements as its counterpart in `like`.
inline std::vector<at::Tensor> bench_views(const ob_tensor* table, int64_t tensors,
                                           const char* role,
                                           const std::vector<at::Tensor>* like = nullptr) {
  if (table == nullptr || tensors < 1) throw std::invalid_argument(std::string(role) + ": none");
  std::vector<at::Tensor> views;
  views.reserve(tensors);
  for (int64_t i = 0; i < tensors; ++i) {
    views.push_back(view_of(table[i], role));
    const at::Tensor& view = views.back();
    if (!view.is_cpu() || view.scalar_type() != at::kFloat ||
        (like != nullptr && view.numel() != (*like)[i].numel())) {
      throw std::invalid_argument(std::string(role) + " " + std::to_string(i) +
                                  " is not float32 on the host or not of its parameter's size");
    }
  }
  return views;
}

}  // namespace optibridge::torch_bridge
