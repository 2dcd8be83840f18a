// ASGD: Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging" (1992), with
// the rates of Bottou's SGD:
//   p = p (1 - lambd eta) - eta g;  ax += mu (p - ax)
//   eta = lr / (1 + lambd lr t)^alpha;  mu = 1 / max(1, t - t0)
// Each step uses the eta and mu that the one before it left; both are kept in float32, as Python
// keeps them.
#pragma once

#include <algorithm>
#include <cmath>

#include "torch/optim/base.h"

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

class ASGD final : public OptimizerOf<ASGD, ASGDOptions, ASGDState> {
 public:
  using OptimizerOf::OptimizerOf;

  static void start(const at::Tensor& p, const Options& options, State& state) {
    begin_scalar(state.eta, p, 0);
    begin_scalar(state.mu, p, 1);
    begin(state.ax, p);
    set_scalar(state.eta, options.lr);
  }

  static void update(const at::Tensor& p, const Options& options, State& state) {
    const at::Tensor g = gradient(p, options.maximize, options.weight_decay);
    const double eta = scalar_of(state.eta);
    const double mu = scalar_of(state.mu);
    p.mul_(1 - options.lambd * eta).sub_(g, eta);
    if (mu == 1) {
      state.ax.copy_(p);
    } else {
      state.ax.lerp_(p, mu);
    }
    const double t = static_cast<double>(state.step);
    set_scalar(state.eta, options.lr / std::pow(1 + options.lambd * options.lr * t, options.alpha));
    set_scalar(state.mu, 1 / std::max(1.0, t - options.t0));
  }
};

}  // namespace optibridge::torch_bridge::optim
