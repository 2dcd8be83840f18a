// pytorch_optimizer.ScheduleFreeAdamW: schedule_free.h with beta = beta1 and
//   v = beta2 v + (1 - beta2) g^2;  V = v / (1 - beta2^(k + 1)), or with ams_bound its maximum
//   u = g / (sqrt(V + 1e-15) + eps) + weight_decay y
// and with decoupling_c > 0 min(1, c (1 - beta1) decoupling_c) in the place of c.
#pragma once

#include <algorithm>

#include "torch/optim/schedule_free.h"

namespace optibridge::torch_bridge::optim::pytorch_optimizer {

struct ScheduleFreeAdamWOptions final : OptionsOf<ScheduleFreeAdamWOptions> {
  explicit ScheduleFreeAdamWOptions(double rate = 2.5e-3) : OptionsOf(rate) {}
  template <class Self, class Visit>
  static void each(Self& self, Visit&& visit) {
    visit("beta1", self.beta1);
    visit("beta2", self.beta2);
    visit("weight_decay", self.weight_decay);
    visit("r", self.r);
    visit("weight_lr_power", self.weight_lr_power);
    visit("warmup_steps", self.warmup_steps);
    visit("decoupling_c", self.decoupling_c);
    visit("ams_bound", self.ams_bound);
    visit("eps", self.eps);
    visit("maximize", self.maximize);
  }

  double beta1 = 0.9;
  double beta2 = 0.999;
  double weight_decay = 0;
  double r = 0;
  double weight_lr_power = 2;
  int64_t warmup_steps = 0;
  double decoupling_c = 0;
  bool ams_bound = false;
  double eps = 1e-8;
  bool maximize = false;
};

struct ScheduleFreeAdamWState final : StateOf<ScheduleFreeAdamWState>, Schedule {
  template <class Self, class Visit>
  static void each(Self& self, Visit&& visit) {
    Schedule::each(self, visit);
    visit(SlotSpec("z"), self.z);
    visit(SlotSpec("exp_avg_sq"), self.exp_avg_sq);
    visit(SlotSpec("max_exp_avg_sq"), self.max_exp_avg_sq);
  }

  at::Tensor z;
  at::Tensor exp_avg_sq;
  at::Tensor max_exp_avg_sq;
};

class ScheduleFreeAdamW final : public DivisibleOf<ScheduleFreeAdamW, ScheduleFreeAdamWOptions,
                                                   ScheduleFreeAdamWState, Averaging> {
 public:
  using DivisibleOf::DivisibleOf;

  static bool has_slot(const std::string& slot, const Options& options) {
    return slot != "max_exp_avg_sq" || options.ams_bound;
  }

  static Plan plan(const at::Tensor&, const Options& options, State& state) {
    Plan plan = averaging(options, state);
    if (options.decoupling_c > 0) {
      plan.checkpoint = std::min(1.0, plan.checkpoint * (1 - options.beta1) * options.decoupling_c);
    }
    return plan;
  }

  static void apply(Part& part, const Options& options, const Plan& plan) {
    auto& [y, given, state, work] = part;
    if (plan.first) state.z.copy_(y);
    const at::Tensor g = gradient(y, given, options.maximize, 0);
    state.exp_avg_sq.mul_(options.beta2).addcmul_(g, g, 1 - options.beta2);
    at::Tensor u = state.exp_avg_sq.div(1 - std::pow(options.beta2, plan.t));
    if (options.ams_bound) {
      at::maximum_out(state.max_exp_avg_sq, state.max_exp_avg_sq, u);
      u = state.max_exp_avg_sq.add(kRootEps);
    } else {
      u.add_(kRootEps);
    }
    u.sqrt_().add_(options.eps);
    at::div_out(u, g, u);
    if (options.weight_decay != 0) u.add_(y, options.weight_decay);
    advance(y, state.z, u, plan, options.beta1);
  }

  static void move_weights(const at::Tensor& p, const Options& options, const State& state,
                           bool to_eval) {
    turn_weights(p, state.z, options.beta1, to_eval);
  }

 private:
  static constexpr double kRootEps = 1e-15;
};

}  // namespace optibridge::torch_bridge::optim::pytorch_optimizer
