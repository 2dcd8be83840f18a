// Adamax: Kingma and Ba, "Adam: A Method for Stochastic Optimization" (2015), section 7.1, with eps
// inside the maximum as PyTorch has it:
//   m = beta1 m + (1 - beta1) g;  u = max(beta2 u, |g| + eps);  p -= lr / (1 - beta1^t) m / u
#pragma once

#include <cmath>

#include "torch/optim/parts.h"

namespace optibridge::torch_bridge::optim {

struct AdamaxOptions final : OptionsOf<AdamaxOptions> {
  explicit AdamaxOptions(double rate = 2e-3) : OptionsOf(rate) {}
  template <class Self, class Visit>
  static void each(Self& self, Visit&& visit) {
    visit("beta1", self.beta1);
    visit("beta2", self.beta2);
    visit("eps", self.eps);
    visit("weight_decay", self.weight_decay);
    visit("maximize", self.maximize);
  }

  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
  bool maximize = false;
};

struct AdamaxState final : StateOf<AdamaxState> {
  template <class Self, class Visit>
  static void each(Self& self, Visit&& visit) {
    visit(SlotSpec("exp_avg"), self.exp_avg);
    visit(SlotSpec("exp_inf"), self.exp_inf);
  }

  at::Tensor exp_avg;
  at::Tensor exp_inf;
};

struct AdamaxPlan {
  double rate;
};

class Adamax final : public DivisibleOf<Adamax, AdamaxOptions, AdamaxState, AdamaxPlan> {
 public:
  using DivisibleOf::DivisibleOf;

  static Plan plan(const at::Tensor&, const Options& options, State& state) {
    return {options.lr / (1 - std::pow(options.beta1, static_cast<double>(state.step)))};
  }

  static void apply(Part& part, const Options& options, const Plan& plan) {
    auto& [p, given, state, work] = part;
    const at::Tensor g = gradient(p, given, options.maximize, options.weight_decay);
    state.exp_avg.lerp_(g, 1 - options.beta1);
    const at::Tensor magnitude = g.abs().add_(options.eps);
    at::maximum_out(state.exp_inf, state.exp_inf.mul_(options.beta2), magnitude);
    p.addcdiv_(state.exp_avg, state.exp_inf, -plan.rate);
  }
};

}  // namespace optibridge::torch_bridge::optim
