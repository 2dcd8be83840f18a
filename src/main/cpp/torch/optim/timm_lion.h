// Lion: Chen et al., "Symbolic Discovery of Optimization Algorithms" (2023), as timm.optim.Lion has
// it:
//   p *= 1 - lr weight_decay;  u = sign(beta1 m + (1 - beta1) g), then caution
//   p -= lr u;  m = beta2 m + (1 - beta2) g
// corrected_weight_decay puts lr^2 / max_lr in the place of the decay's lr.
#pragma once

#include <limits>

#include "torch/optim/timm.h"

namespace optibridge::torch_bridge::optim::timm {

struct LionOptions final : OptionsOf<LionOptions> {
  explicit LionOptions(double rate = 1e-4) : OptionsOf(rate) {}
  template <class Self, class Visit>
  static void each(Self& self, Visit&& visit) {
    visit("beta1", self.beta1);
    visit("beta2", self.beta2);
    visit("weight_decay", self.weight_decay);
    visit("caution", self.caution);
    visit("corrected_weight_decay", self.corrected_weight_decay);
    visit("max_lr_snapshot", self.max_lr_snapshot);
    visit("maximize", self.maximize);
  }

  double beta1 = 0.9;
  double beta2 = 0.99;
  double weight_decay = 0;
  bool caution = false;
  bool corrected_weight_decay = false;
  double max_lr_snapshot = std::numeric_limits<double>::quiet_NaN();  // see timm.h
  bool maximize = false;
};

struct LionState final : StateOf<LionState> {
  template <class Self, class Visit>
  static void each(Self& self, Visit&& visit) {
    visit(SlotSpec("max_lr", SlotSpec::SCALAR64), self.max_lr);
    visit(SlotSpec("exp_avg"), self.exp_avg);
  }

  at::Tensor max_lr;
  at::Tensor exp_avg;
};

struct LionPlan {
  double shrink;
  double numel;
  double caution = 1;
};

class Lion final : public DivisibleOf<Lion, LionOptions, LionState, LionPlan> {
 public:
  using DivisibleOf::DivisibleOf;

  static bool has_slot(const std::string& slot, const Options& options) {
    return slot != "max_lr" || options.corrected_weight_decay;
  }

  static Plan plan(const at::Tensor& p, const Options& options, State& state) {
    return {decay_rate(options, state) * options.weight_decay, static_cast<double>(p.numel())};
  }

  static int passes(const Options& options) { return options.caution; }

  static void measure(int, Part& part, const Options& options, const Plan&, Sums& sums) {
    const at::Tensor g = gradient(part.p, part.g, options.maximize, 0);
    sums[0] += agreement(direction(part, g, options), g).sum().item<double>();
  }

  static void settle(int, const Options&, Plan& plan, const Sums& sums) {
    plan.caution = caution_scale(sums[0], plan.numel);
  }

  static void apply(Part& part, const Options& options, const Plan& plan) {
    const at::Tensor g = gradient(part.p, part.g, options.maximize, 0);
    if (plan.shrink != 0) part.p.mul_(1 - plan.shrink);
    at::Tensor u = direction(part, g, options);
    if (options.caution) u.mul_(agreement(u, g).mul_(plan.caution));
    part.p.sub_(u, options.lr);
    part.state.exp_avg.lerp_(g, 1 - options.beta2);
  }

 private:
  static at::Tensor direction(const Part& part, const at::Tensor& g, const Options& options) {
    return part.state.exp_avg.lerp(g, 1 - options.beta1).sign_();
  }
};

}  // namespace optibridge::torch_bridge::optim::timm
