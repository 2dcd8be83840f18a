// Caution: Liang et al., "Cautious Optimizers: Improving Training with One Line of Code" (2024).
// Where an update and the gradient differ in sign there is none; the others grow in return.
#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>

namespace optibridge::torch_bridge::optim {

// 1 where both have one sign, else 0.
inline at::Tensor agreement(const at::Tensor& update, const at::Tensor& g) {
  return update.mul(g).gt_(0);
}

// By what timm's classes multiply the elements that stay, `agreeing` of numel.
inline double caution_scale(double agreeing, double numel) {
  return 1 / std::max(agreeing / numel, 1e-3);
}

}  // namespace optibridge::torch_bridge::optim
