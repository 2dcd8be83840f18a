// Rprop: Riedmiller and Braun, "A Direct Adaptive Method for Faster Backpropagation Learning: The
// RPROP Algorithm" (1993). With s = g * prev, element by element:
//   step_size is multiplied by etaplus where s > 0 and by etaminus where s < 0, then clipped;
//   g = 0 where s < 0;  p -= sign(g) step_size;  prev = g
// Step sizes start at lr, which has no meaning afterwards.
#pragma once

#include "torch/optim/parts.h"

namespace optibridge::torch_bridge::optim {

struct RpropOptions final : OptionsOf<RpropOptions> {
  explicit RpropOptions(double rate = 1e-2) : OptionsOf(rate) {}
  template <class Self, class Visit>
  static void each(Self& self, Visit&& visit) {
    visit("etaminus", self.etaminus);
    visit("etaplus", self.etaplus);
    visit("step_size_min", self.step_size_min);
    visit("step_size_max", self.step_size_max);
    visit("maximize", self.maximize);
  }

  double etaminus = 0.5;
  double etaplus = 1.2;
  double step_size_min = 1e-6;
  double step_size_max = 50;
  bool maximize = false;
};

struct RpropState final : StateOf<RpropState> {
  template <class Self, class Visit>
  static void each(Self& self, Visit&& visit) {
    visit(SlotSpec("prev"), self.prev);
    visit(SlotSpec("step_size"), self.step_size);
  }

  at::Tensor prev;
  at::Tensor step_size;
};

struct RpropPlan {
  bool first;
};

class Rprop final : public DivisibleOf<Rprop, RpropOptions, RpropState, RpropPlan> {
 public:
  using DivisibleOf::DivisibleOf;

  static Plan plan(const at::Tensor&, const Options&, State& state) { return {state.step == 1}; }

  static void apply(Part& part, const Options& options, const Plan& plan) {
    auto& [p, given, state, work] = part;
    const at::Tensor g = gradient(p, given, options.maximize, 0);
    if (plan.first) state.step_size.fill_(options.lr);
    at::Tensor factor = g.mul(state.prev);
    const at::Tensor same = factor.gt(0);
    const at::Tensor turned = factor.lt(0);
    factor.fill_(1).masked_fill_(same, options.etaplus).masked_fill_(turned, options.etaminus);
    state.step_size.mul_(factor).clamp_(options.step_size_min, options.step_size_max);
    state.prev.copy_(g).masked_fill_(turned, 0);
    p.addcmul_(at::sign_out(factor, state.prev), state.step_size, -1);
  }
};

}  // namespace optibridge::torch_bridge::optim
