// Schedule-free learning: Defazio et al., "The Road Less Scheduled" (2024). The weights stepped are
// y; z takes the steps of the wrapped method, and x, which is to be evaluated, averages z. With u
// the update, k from 0 and a rate lr_k = lr min(1, (k + 1) / warmup_steps):
//   w = (k + 1)^r (max of lr_0 .. lr_k)^weight_lr_power;  c = w / (sum of all w), 0 if that is 0
//   y += c (z - y) + lr_k (beta (1 - c) - 1) u;  z -= lr_k u
// x is never kept: y = (1 - beta) z + beta x. Python's `train` and `eval` turn one into the other.
#pragma once

#include <cmath>
#include <stdexcept>

#include "torch/optim/parts.h"

namespace optibridge::torch_bridge::optim {

// The numbers that all tensors share; a state has them and z.
struct Schedule {
  at::Tensor k;  // steps of all tensors
  at::Tensor weight_sum;
  at::Tensor lr_max;

  template <class Self, class Visit>
  static void each(Self& self, Visit&& visit) {
    visit(SlotSpec("k", SlotSpec::SCALAR64), self.k);
    visit(SlotSpec("weight_sum", SlotSpec::SCALAR64), self.weight_sum);
    visit(SlotSpec("lr_max", SlotSpec::SCALAR64, -1), self.lr_max);
  }
};

struct Averaging {
  bool first;
  double t;           // k + 1
  double rate;        // lr_k
  double checkpoint;  // c
};

template <class Options, class State>
Averaging averaging(const Options& options, State& state) {
  const double t = scalar_of(state.k) + 1;
  const double warmup = static_cast<double>(options.warmup_steps);
  const double rate = options.lr * (t <= warmup ? t / warmup : 1);
  const double most = std::max(rate, scalar_of(state.lr_max));
  const double weight = std::pow(t, options.r) * std::pow(most, options.weight_lr_power);
  if (!std::isfinite(weight)) {
    throw std::invalid_argument("r and weight_lr_power give a step the weight " +
                                std::to_string(weight) + " at a learning rate of " +
                                std::to_string(most));
  }
  const double sum = scalar_of(state.weight_sum) + weight;
  set_scalar(state.k, t);
  set_scalar(state.lr_max, most);
  set_scalar(state.weight_sum, sum);
  return {state.step == 1, t, rate, sum != 0 ? weight / sum : 0};
}

// u is of no use afterwards.
inline void advance(const at::Tensor& y, const at::Tensor& z, const at::Tensor& u,
                    const Averaging& now, double beta) {
  y.lerp_(z, now.checkpoint).add_(u, now.rate * (beta * (1 - now.checkpoint) - 1));
  z.sub_(u, now.rate);
}

inline void turn_weights(const at::Tensor& weights, const at::Tensor& z, double beta,
                         bool to_eval) {
  if (to_eval && beta == 0) {
    throw std::invalid_argument(
        "at a momentum of 0 the training weights hold nothing of those to"
        " evaluate");
  }
  weights.lerp_(z, to_eval ? 1 - 1 / beta : 1 - beta);
}

}  // namespace optibridge::torch_bridge::optim
