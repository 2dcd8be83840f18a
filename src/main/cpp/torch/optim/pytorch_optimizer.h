// What the classes of the package pytorch_optimizer share.
#pragma once

#include <ATen/ops/tensor.h>

#include <cmath>

#include "torch/optim/parts.h"

namespace optibridge::torch_bridge::optim::pytorch_optimizer {

// By what gradients are multiplied to keep their common norm below max_norm: in float32, whatever
// their dtype.
inline double clip_factor(const Gradients& gradients, double max_norm, double eps) {
  std::vector<float> norms(gradients.norms().begin(), gradients.norms().end());
  const at::Tensor norm = at::tensor(norms, at::kFloat).square_().sum().sqrt_().add_(eps);
  return norm.reciprocal_().mul_(max_norm).clamp_max_(1).item<double>();
}

// Gradient centralization: Yong et al. (2020): rows have a mean of 0. `g` is of the whole
// parameter.
inline at::Tensor centralized(const at::Tensor& g) {
  if (g.dim() < 2) return g;
  std::vector<int64_t> rest;
  for (int64_t d = 1; d < g.dim(); ++d) rest.push_back(d);
  return g.sub(g.mean(rest, /*keepdim=*/true));
}

// AdaNorm: Dubey et al. (2022): a gradient of less than the usual norm is lengthened to it.
inline at::Tensor adanorm(const at::Tensor& g, const at::Tensor& usual, double r) {
  const at::Tensor norm = at::linalg_vector_norm(g);
  usual.mul_(r).add_(norm, 1 - r);
  const double now = norm.item<double>();
  return now > 0 && usual.item<double>() > now ? g.mul(usual.reshape({})).div_(norm) : g;
}

inline SlotSpec adanorm_slot() { return {"exp_grad_adanorm", SlotSpec::SHAPED}; }

// p *= 1 - lr weight_decay, or with fixed_decay 1 - weight_decay.
template <class Options>
void decoupled_decay(const at::Tensor& p, const Options& options) {
  if (options.weight_decay == 0 || !options.weight_decouple) return;
  p.mul_(1 - options.weight_decay * (options.fixed_decay ? 1 : options.lr));
}

}  // namespace optibridge::torch_bridge::optim::pytorch_optimizer
