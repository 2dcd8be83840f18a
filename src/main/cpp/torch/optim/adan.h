// What the versions of Adan share; see timm_adan.h for the formulas.
#pragma once

#include <cmath>

#include "torch/optim/parts.h"

namespace optibridge::torch_bridge::optim {

struct AdanRates {
  double of_average, of_difference, root3;
};

template <class Options, class State>
AdanRates adan_rates(const Options& options, State& state) {
  const double t = scalar_of(state.k) + 1;
  set_scalar(state.k, t);
  return {options.lr / (1 - std::pow(options.beta1, t)),
          options.lr * options.beta2 / (1 - std::pow(options.beta2, t)),
          std::sqrt(1 - std::pow(options.beta3, t))};
}

// Brings both the average of differences and that of squares up to date. `former` holds the
// negative of the last gradient; afterwards it is of no use.
template <class Options, class State>
at::Tensor adan_denominator(const at::Tensor& g, const Options& options, State& state,
                            at::Tensor& former, const AdanRates& rates) {
  former.add_(g);
  state.exp_avg_diff.mul_(options.beta2).add_(former, 1 - options.beta2);
  former.mul_(options.beta2).add_(g);
  state.exp_avg_sq.mul_(options.beta3).addcmul_(former, former, 1 - options.beta3);
  return state.exp_avg_sq.sqrt().div_(rates.root3).add_(options.eps);
}

template <class Options, class State>
void adan_move(const at::Tensor& p, const at::Tensor& m, const at::Tensor& den,
               const Options& options, const State& state, const AdanRates& rates,
               bool decay_first) {
  const double decay = options.lr * options.weight_decay;
  if (decay != 0 && decay_first) p.mul_(1 - decay);
  p.addcdiv_(m, den, -rates.of_average);
  p.addcdiv_(state.exp_avg_diff, den, -rates.of_difference);
  if (decay != 0 && !decay_first) p.div_(1 + decay);
}

}  // namespace optibridge::torch_bridge::optim
