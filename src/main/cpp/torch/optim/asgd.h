// ASGD: Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging" (1992), with
// the rates of Bottou's SGD:
//   p = p (1 - lambd eta) - eta g;  ax += mu (p - ax)
//   eta = lr / (1 + lambd lr t)^alpha;  mu = 1 / max(1, t - t0)
// Each step uses the eta and mu that the one before it left; both are kept in float32, as Python
// keeps them.
#pragma once

#include <algorithm>
#include <cmath>

#include "torch/optim/parts.h"

namespace optibridge::torch_bridge::optim {

struct ASGDOptions final : OptionsOf<ASGDOptions> {
  explicit ASGDOptions(double rate = 1e-2) : OptionsOf(rate) {}
  template <class Self, class Visit>
  static void each(Self& self, Visit&& visit) {
    visit("lambd", self.lambd);
    visit("alpha", self.alpha);
    visit("t0", self.t0);
    visit("weight_decay", self.weight_decay);
    visit("maximize", self.maximize);
  }

  double lambd = 1e-4;
  double alpha = 0.75;
  double t0 = 1e6;
  double weight_decay = 0;
  bool maximize = false;
};

struct ASGDState final : StateOf<ASGDState> {
  template <class Self, class Visit>
  static void each(Self& self, Visit&& visit) {
    visit(SlotSpec("eta", SlotSpec::SCALAR), self.eta);
    visit(SlotSpec("mu", SlotSpec::SCALAR, 1), self.mu);
    visit(SlotSpec("ax"), self.ax);
  }

  at::Tensor eta;
  at::Tensor mu;
  at::Tensor ax;
};

struct ASGDPlan {
  double eta, mu;
};

class ASGD final : public DivisibleOf<ASGD, ASGDOptions, ASGDState, ASGDPlan> {
 public:
  using DivisibleOf::DivisibleOf;

  static Plan plan(const at::Tensor&, const Options& options, State& state) {
    if (state.step == 1) set_scalar(state.eta, options.lr);
    const Plan plan = {scalar_of(state.eta), scalar_of(state.mu)};
    const double t = static_cast<double>(state.step);
    set_scalar(state.eta, options.lr / std::pow(1 + options.lambd * options.lr * t, options.alpha));
    set_scalar(state.mu, 1 / std::max(1.0, t - options.t0));
    return plan;
  }

  static void apply(Part& part, const Options& options, const Plan& plan) {
    auto& [p, given, state, work] = part;
    const at::Tensor g = gradient(p, given, options.maximize, options.weight_decay);
    p.mul_(1 - options.lambd * plan.eta).sub_(g, plan.eta);
    if (plan.mu == 1) {
      state.ax.copy_(p);
    } else {
      state.ax.lerp_(p, plan.mu);
    }
  }
};

}  // namespace optibridge::torch_bridge::optim
