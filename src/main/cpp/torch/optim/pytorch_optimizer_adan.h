// Adan as pytorch_optimizer.Adan has it: that of timm_adan.h, with weight_decouple for no_prox,
// without caution, and with n the norm of all gradients together
//   g *= min(1, max_grad_norm / (n + eps)) if max_grad_norm is not 0;  g = -g with maximize
// The gradient that the first step compares with has its sign from before `maximize`.
#pragma once

#include "torch/optim/adan.h"
#include "torch/optim/pytorch_optimizer.h"

namespace optibridge::torch_bridge::optim::pytorch_optimizer {

struct AdanOptions final : OptionsOf<AdanOptions> {
  explicit AdanOptions(double rate = 1e-3) : OptionsOf(rate) {}
  template <class Self, class Visit>
  static void each(Self& self, Visit&& visit) {
    visit("beta1", self.beta1);
    visit("beta2", self.beta2);
    visit("beta3", self.beta3);
    visit("weight_decay", self.weight_decay);
    visit("weight_decouple", self.weight_decouple);
    visit("max_grad_norm", self.max_grad_norm);
    visit("eps", self.eps);
    visit("maximize", self.maximize);
    visit("use_gc", self.use_gc);
    visit("adanorm", self.adanorm);
    visit("adanorm_r", self.adanorm_r);
  }

  double beta1 = 0.98;
  double beta2 = 0.92;
  double beta3 = 0.99;
  double weight_decay = 0;
  bool weight_decouple = false;
  double max_grad_norm = 0;
  double eps = 1e-8;
  bool maximize = false;
  bool use_gc = false;
  bool adanorm = false;
  double adanorm_r = 0.95;

  double scale = 1;  // of this step's gradients
};

struct AdanState final : StateOf<AdanState> {
  template <class Self, class Visit>
  static void each(Self& self, Visit&& visit) {
    visit(SlotSpec("k", SlotSpec::SCALAR64), self.k);
    visit(SlotSpec("exp_avg"), self.exp_avg);
    visit(SlotSpec("exp_avg_sq"), self.exp_avg_sq);
    visit(SlotSpec("exp_avg_diff"), self.exp_avg_diff);
    visit(SlotSpec("previous_grad"), self.previous_grad);
    visit(adanorm_slot(), self.exp_grad_adanorm);
  }

  at::Tensor k;  // steps of all tensors
  at::Tensor exp_avg;
  at::Tensor exp_avg_sq;
  at::Tensor exp_avg_diff;
  at::Tensor previous_grad;  // its negative, as in Python
  at::Tensor exp_grad_adanorm;
};

struct AdanPlan {
  AdanRates rates;
  bool first;
};

class Adan final : public DivisibleOf<Adan, AdanOptions, AdanState, AdanPlan> {
 public:
  using DivisibleOf::DivisibleOf;

  static std::vector<int64_t> slot_shape(const std::string& slot, at::IntArrayRef param) {
    return slot == "exp_grad_adanorm" ? std::vector<int64_t>{1} : param.vec();
  }
  static bool has_slot(const std::string& slot, const Options& options) {
    return slot != "exp_grad_adanorm" || options.adanorm;
  }
  static bool divisible(const Options& options) { return !options.adanorm && !options.use_gc; }

  static bool looks(const Options& options) { return options.max_grad_norm != 0; }

  static void look(Options& options, const Gradients& gradients) {
    if (!looks(options)) return;
    options.scale = clip_factor(gradients, options.max_grad_norm, options.eps);
  }

  static Plan plan(const at::Tensor&, const Options& options, State& state) {
    return {adan_rates(options, state), state.step == 1};
  }

  static void apply(Part& part, const Options& options, const Plan& plan) {
    auto& [p, given, state, work] = part;
    if (plan.first) state.previous_grad.copy_(given).mul_(-options.scale);
    at::Tensor g = options.scale == 1 ? given : given.mul(options.scale);
    if (options.maximize) g = g.neg();
    if (options.use_gc) g = centralized(g);
    const at::Tensor den = adan_denominator(g, options, state, state.previous_grad, plan.rates);
    state.exp_avg.lerp_(
        options.adanorm ? pytorch_optimizer::adanorm(g, state.exp_grad_adanorm, options.adanorm_r)
                        : g,
        1 - options.beta1);
    adan_move(p, state.exp_avg, den, options, state, plan.rates, options.weight_decouple);
    at::neg_out(state.previous_grad, g);
  }
};

}  // namespace optibridge::torch_bridge::optim::pytorch_optimizer
