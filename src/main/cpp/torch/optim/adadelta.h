// Adadelta: Zeiler, "ADADELTA: An Adaptive Learning Rate Method" (2012):
//   v = rho v + (1 - rho) g^2;  x = sqrt(a + eps) / sqrt(v + eps) g
//   a = rho a + (1 - rho) x^2;  p -= lr x
#pragma once

#include "torch/optim/parts.h"

namespace optibridge::torch_bridge::optim {

struct AdadeltaOptions final : OptionsOf<AdadeltaOptions> {
  explicit AdadeltaOptions(double rate = 1.0) : OptionsOf(rate) {}
  template <class Self, class Visit>
  static void each(Self& self, Visit&& visit) {
    visit("rho", self.rho);
    visit("eps", self.eps);
    visit("weight_decay", self.weight_decay);
    visit("maximize", self.maximize);
  }

  double rho = 0.9;
  double eps = 1e-6;
  double weight_decay = 0;
  bool maximize = false;
};

struct AdadeltaState final : StateOf<AdadeltaState> {
  template <class Self, class Visit>
  static void each(Self& self, Visit&& visit) {
    visit(SlotSpec("square_avg"), self.square_avg);
    visit(SlotSpec("acc_delta"), self.acc_delta);
  }

  at::Tensor square_avg;
  at::Tensor acc_delta;
};

struct AdadeltaPlan {};

class Adadelta final : public DivisibleOf<Adadelta, AdadeltaOptions, AdadeltaState, AdadeltaPlan> {
 public:
  using DivisibleOf::DivisibleOf;

  static Plan plan(const at::Tensor&, const Options&, State&) { return {}; }

  static void apply(Part& part, const Options& options, const Plan&) {
    auto& [p, given, state, work] = part;
    const at::Tensor g = gradient(p, given, options.maximize, options.weight_decay);
    const double rho = options.rho;
    state.square_avg.mul_(rho).addcmul_(g, g, 1 - rho);
    const at::Tensor root = state.square_avg.add(options.eps).sqrt_();
    const at::Tensor delta = state.acc_delta.add(options.eps).sqrt_().div_(root).mul_(g);
    state.acc_delta.mul_(rho).addcmul_(delta, delta, 1 - rho);
    p.sub_(delta, options.lr);
  }
};

}  // namespace optibridge::torch_bridge::optim
