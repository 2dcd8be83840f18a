// schedulefree.AdamWScheduleFree: schedule_free.h with beta = beta1 and
//   v = beta2 v + (1 - beta2) g^2
//   u = g / (sqrt(v / (1 - beta2^(k + 1))) + eps) + weight_decay y
#pragma once

#include "torch/optim/schedule_free.h"

namespace optibridge::torch_bridge::optim::schedulefree {

struct AdamWScheduleFreeOptions final : OptionsOf<AdamWScheduleFreeOptions> {
  explicit AdamWScheduleFreeOptions(double rate = 0.0025) : OptionsOf(rate) {}
  template <class Self, class Visit>
  static void each(Self& self, Visit&& visit) {
    visit("beta1", self.beta1);
    visit("beta2", self.beta2);
    visit("eps", self.eps);
    visit("weight_decay", self.weight_decay);
    visit("warmup_steps", self.warmup_steps);
    visit("r", self.r);
    visit("weight_lr_power", self.weight_lr_power);
  }

  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
  int64_t warmup_steps = 0;
  double r = 0;
  double weight_lr_power = 2;
};

struct AdamWScheduleFreeState final : StateOf<AdamWScheduleFreeState>, Schedule {
  template <class Self, class Visit>
  static void each(Self& self, Visit&& visit) {
    Schedule::each(self, visit);
    visit(SlotSpec("z"), self.z);
    visit(SlotSpec("exp_avg_sq"), self.exp_avg_sq);
  }

  at::Tensor z;
  at::Tensor exp_avg_sq;
};

class AdamWScheduleFree final : public DivisibleOf<AdamWScheduleFree, AdamWScheduleFreeOptions,
                                                   AdamWScheduleFreeState, Averaging> {
 public:
  using DivisibleOf::DivisibleOf;

  static Plan plan(const at::Tensor&, const Options& options, State& state) {
    return averaging(options, state);
  }

  static void apply(Part& part, const Options& options, const Plan& plan) {
    auto& [y, g, state, work] = part;
    if (plan.first) state.z.copy_(y);
    state.exp_avg_sq.mul_(options.beta2).addcmul_(g, g, 1 - options.beta2);
    at::Tensor u =
        state.exp_avg_sq.div(1 - std::pow(options.beta2, plan.t)).sqrt_().add_(options.eps);
    at::div_out(u, g, u);
    if (options.weight_decay != 0) u.add_(y, options.weight_decay);
    advance(y, state.z, u, plan, options.beta1);
  }

  static void move_weights(const at::Tensor& p, const Options& options, const State& state,
                           bool to_eval) {
    turn_weights(p, state.z, options.beta1, to_eval);
  }
};

}  // namespace optibridge::torch_bridge::optim::schedulefree
