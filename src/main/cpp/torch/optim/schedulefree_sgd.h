// schedulefree.SGDScheduleFree: schedule_free.h with u = g + weight_decay y; beta is `momentum`.
#pragma once

#include "torch/optim/schedule_free.h"

namespace optibridge::torch_bridge::optim::schedulefree {

struct SGDScheduleFreeOptions final : OptionsOf<SGDScheduleFreeOptions> {
  explicit SGDScheduleFreeOptions(double rate = 1) : OptionsOf(rate) {}
  template <class Self, class Visit>
  static void each(Self& self, Visit&& visit) {
    visit("momentum", self.momentum);
    visit("weight_decay", self.weight_decay);
    visit("warmup_steps", self.warmup_steps);
    visit("r", self.r);
    visit("weight_lr_power", self.weight_lr_power);
  }

  double momentum = 0.9;
  double weight_decay = 0;
  int64_t warmup_steps = 0;
  double r = 0;
  double weight_lr_power = 2;
};

struct SGDScheduleFreeState final : StateOf<SGDScheduleFreeState>, Schedule {
  template <class Self, class Visit>
  static void each(Self& self, Visit&& visit) {
    Schedule::each(self, visit);
    visit(SlotSpec("z"), self.z);
  }

  at::Tensor z;
};

class SGDScheduleFree final
    : public DivisibleOf<SGDScheduleFree, SGDScheduleFreeOptions, SGDScheduleFreeState, Averaging> {
 public:
  using DivisibleOf::DivisibleOf;

  static Plan plan(const at::Tensor&, const Options& options, State& state) {
    return averaging(options, state);
  }

  static void apply(Part& part, const Options& options, const Plan& plan) {
    auto& [y, g, state, work] = part;
    if (plan.first) state.z.copy_(y);
    advance(y, state.z, gradient(y, g, false, options.weight_decay), plan, options.momentum);
  }

  static void move_weights(const at::Tensor& p, const Options& options, const State& state,
                           bool to_eval) {
    turn_weights(p, state.z, options.momentum, to_eval);
  }
};

}  // namespace optibridge::torch_bridge::optim::schedulefree
