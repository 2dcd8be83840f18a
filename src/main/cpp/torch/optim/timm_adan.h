// Adan: Xie et al., "Adan: Adaptive Nesterov Momentum Algorithm for Faster Optimizing Deep Models"
// (2022), as timm.optim.Adan has it. With d the change of the gradient, 0 at first:
//   m = beta1 m + (1 - beta1) g;  s = beta2 s + (1 - beta2) d
//   n = beta3 n + (1 - beta3) (g + beta2 d)^2;  den = sqrt(n / (1 - beta3^t)) + eps
//   p -= lr / (1 - beta1^t) m / den + lr beta2 / (1 - beta2^t) s / den, m after caution
// weight_decay: p *= 1 - lr weight_decay before that with no_prox, else p /= 1 + lr weight_decay
// after it. t counts the steps of all tensors together.
#pragma once

#include "torch/optim/adan.h"
#include "torch/optim/timm.h"

namespace optibridge::torch_bridge::optim::timm {

struct AdanOptions final : OptionsOf<AdanOptions> {
  explicit AdanOptions(double rate = 1e-3) : OptionsOf(rate) {}
  template <class Self, class Visit>
  static void each(Self& self, Visit&& visit) {
    visit("beta1", self.beta1);
    visit("beta2", self.beta2);
    visit("beta3", self.beta3);
    visit("eps", self.eps);
    visit("weight_decay", self.weight_decay);
    visit("no_prox", self.no_prox);
    visit("caution", self.caution);
  }

  double beta1 = 0.98;
  double beta2 = 0.92;
  double beta3 = 0.99;
  double eps = 1e-8;
  double weight_decay = 0;
  bool no_prox = false;
  bool caution = false;
};

struct AdanState final : StateOf<AdanState> {
  template <class Self, class Visit>
  static void each(Self& self, Visit&& visit) {
    visit(SlotSpec("k", SlotSpec::SCALAR64), self.k);
    visit(SlotSpec("exp_avg"), self.exp_avg);
    visit(SlotSpec("exp_avg_sq"), self.exp_avg_sq);
    visit(SlotSpec("exp_avg_diff"), self.exp_avg_diff);
    visit(SlotSpec("neg_pre_grad"), self.neg_pre_grad);
  }

  at::Tensor k;  // steps of all tensors
  at::Tensor exp_avg;
  at::Tensor exp_avg_sq;
  at::Tensor exp_avg_diff;
  at::Tensor neg_pre_grad;
};

struct AdanPlan {
  AdanRates rates;
  bool first;
  double numel;
  double caution = 1;
};

class Adan final : public DivisibleOf<Adan, AdanOptions, AdanState, AdanPlan> {
 public:
  using DivisibleOf::DivisibleOf;

  static Plan plan(const at::Tensor& p, const Options& options, State& state) {
    return {adan_rates(options, state), state.step == 1, static_cast<double>(p.numel())};
  }

  static int passes(const Options& options) { return options.caution; }

  static void measure(int, Part& part, const Options& options, const Plan&, Sums& sums) {
    const at::Tensor m = part.state.exp_avg.lerp(part.g, 1 - options.beta1);
    sums[0] += agreement(m, part.g).sum().item<double>();
  }

  static void settle(int, const Options&, Plan& plan, const Sums& sums) {
    plan.caution = caution_scale(sums[0], plan.numel);
  }

  static void apply(Part& part, const Options& options, const Plan& plan) {
    auto& [p, g, state, work] = part;
    if (plan.first) at::neg_out(state.neg_pre_grad, g);
    state.exp_avg.lerp_(g, 1 - options.beta1);
    const at::Tensor den = adan_denominator(g, options, state, state.neg_pre_grad, plan.rates);
    const at::Tensor m = options.caution
                             ? agreement(state.exp_avg, g).mul_(plan.caution).mul_(state.exp_avg)
                             : state.exp_avg;
    adan_move(p, m, den, options, state, plan.rates, options.no_prox);
    at::neg_out(state.neg_pre_grad, g);
  }
};

}  // namespace optibridge::torch_bridge::optim::timm
