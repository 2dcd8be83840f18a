// LAMB: You et al., "Large Batch Optimization for Deep Learning: Training BERT in 76 minutes"
// (2020), as timm.optim.Lamb has it. With n the norm of all gradients together and bias corrections
// c1 = 1 - beta1^t, c2 = 1 - beta2^t (1 without bias_correction):
//   g = g / max(1, n / max_grad_norm)
//   m = beta1 m + (1 - beta1) g, or + g without grad_averaging;  v = beta2 v + (1 - beta2) g^2
//   u = m / c1 / (sqrt(v / c2) + eps), then caution
//   u += weight_decay p, or with decoupled_decay p -= lr weight_decay p
//   p -= lr r u;  r = ||p|| / ||u||, 1 if a norm is 0, at most 1 with trust_clip
// r is 1 without weight_decay, unless always_adapt. corrected_weight_decay puts lr^2 / max_lr in
// the place of the decay's lr. t counts the steps of all tensors together.
#pragma once

#include <limits>

#include "torch/optim/timm.h"

namespace optibridge::torch_bridge::optim::timm {

struct LambOptions final : OptionsOf<LambOptions> {
  explicit LambOptions(double rate = 1e-3) : OptionsOf(rate) {}
  template <class Self, class Visit>
  static void each(Self& self, Visit&& visit) {
    visit("bias_correction", self.bias_correction);
    visit("beta1", self.beta1);
    visit("beta2", self.beta2);
    visit("eps", self.eps);
    visit("weight_decay", self.weight_decay);
    visit("grad_averaging", self.grad_averaging);
    visit("max_grad_norm", self.max_grad_norm);
    visit("trust_clip", self.trust_clip);
    visit("always_adapt", self.always_adapt);
    visit("caution", self.caution);
    visit("decoupled_decay", self.decoupled_decay);
    visit("corrected_weight_decay", self.corrected_weight_decay);
    visit("max_lr_snapshot", self.max_lr_snapshot);
  }

  bool bias_correction = true;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-6;
  double weight_decay = 0.01;
  bool grad_averaging = true;
  double max_grad_norm = 1;  // NaN: none
  bool trust_clip = false;
  bool always_adapt = false;
  bool caution = false;
  bool decoupled_decay = false;
  bool corrected_weight_decay = false;
  double max_lr_snapshot = std::numeric_limits<double>::quiet_NaN();  // see timm.h

  double clip = 1;  // of this step: what gradients are divided by

  bool adapts() const { return weight_decay != 0 || always_adapt; }
};

struct LambState final : StateOf<LambState> {
  template <class Self, class Visit>
  static void each(Self& self, Visit&& visit) {
    visit(SlotSpec("k", SlotSpec::SCALAR64), self.k);
    visit(SlotSpec("max_lr", SlotSpec::SCALAR64), self.max_lr);
    visit(SlotSpec("exp_avg"), self.exp_avg);
    visit(SlotSpec("exp_avg_sq"), self.exp_avg_sq);
  }

  at::Tensor k;  // steps of all tensors
  at::Tensor max_lr;
  at::Tensor exp_avg;
  at::Tensor exp_avg_sq;
};

struct LambPlan {
  double correction1, root2;  // c1, sqrt(c2)
  double shrink;              // of the decoupled decay
  double numel;
  double caution = 1;
  double trust = 1;
};

class Lamb final : public DivisibleOf<Lamb, LambOptions, LambState, LambPlan> {
 public:
  using DivisibleOf::DivisibleOf;

  static bool has_slot(const std::string& slot, const Options& options) {
    return slot != "max_lr" || options.corrected_weight_decay;
  }

  static bool looks(const Options& options) { return !std::isnan(options.max_grad_norm); }

  static void look(Options& options, const Gradients& gradients) {
    if (!looks(options)) return;
    double squares = 0;
    for (const double norm : gradients.norms()) squares += norm * norm;
    const double ratio = std::sqrt(squares) / options.max_grad_norm;
    options.clip = ratio < 1 ? 1 : ratio;
  }

  static Plan plan(const at::Tensor& p, const Options& options, State& state) {
    Plan plan;
    plan.shrink = decay_rate(options, state) * options.weight_decay;
    const double t = scalar_of(state.k) + 1;
    set_scalar(state.k, t);
    const bool corrects = options.bias_correction;
    plan.correction1 = corrects ? 1 - std::pow(options.beta1, t) : 1;
    plan.root2 = corrects ? std::sqrt(1 - std::pow(options.beta2, t)) : 1;
    plan.numel = static_cast<double>(p.numel());
    return plan;
  }

  // One to count where caution lets elements pass, one for the norms.
  static int passes(const Options& options) { return options.caution + options.adapts(); }

  static void measure(int pass, Part& part, const Options& options, const Plan& plan, Sums& sums) {
    if (pass == 0) average(part, options);
    if (options.caution && pass == 0) {
      sums[0] +=
          agreement(adam(part, options, plan), clipped(part.g, options)).sum().item<double>();
      return;
    }
    decay(part, options, plan);
    part.work = update(part, options, plan);
    sums[0] += square_sum(part.p);
    sums[1] += square_sum(part.work);
  }

  static void settle(int pass, const Options& options, Plan& plan, const Sums& sums) {
    if (options.caution && pass == 0) {
      plan.caution = caution_scale(sums[0], plan.numel);
      return;
    }
    plan.trust = sums[0] > 0 && sums[1] > 0 ? std::sqrt(sums[0]) / std::sqrt(sums[1]) : 1;
    if (options.trust_clip) plan.trust = at_most(plan.trust, 1);
  }

  static void apply(Part& part, const Options& options, const Plan& plan) {
    if (passes(options) == 0) average(part, options);
    if (!options.adapts()) decay(part, options, plan);
    const at::Tensor u = part.work.defined() ? part.work : update(part, options, plan);
    part.p.sub_(u, options.lr * plan.trust);
  }

 private:
  static at::Tensor clipped(const at::Tensor& g, const Options& options) {
    return options.clip == 1 ? g : g.div(options.clip);
  }

  static void average(Part& part, const Options& options) {
    const at::Tensor g = clipped(part.g, options);
    State& state = part.state;
    if (options.grad_averaging) {
      state.exp_avg.lerp_(g, 1 - options.beta1);
    } else {
      state.exp_avg.mul_(options.beta1).add_(g);
    }
    state.exp_avg_sq.mul_(options.beta2).addcmul_(g, g, 1 - options.beta2);
  }

  static at::Tensor adam(const Part& part, const Options& options, const Plan& plan) {
    const at::Tensor root = part.state.exp_avg_sq.sqrt().div_(plan.root2).add_(options.eps);
    return part.state.exp_avg.div(plan.correction1).div_(root);
  }

  static void decay(Part& part, const Options& options, const Plan& plan) {
    if (options.weight_decay != 0 && options.decoupled_decay) part.p.sub_(part.p, plan.shrink);
  }

  static at::Tensor update(const Part& part, const Options& options, const Plan& plan) {
    at::Tensor u = adam(part, options, plan);
    if (options.caution) {
      u.mul_(agreement(u, clipped(part.g, options)).mul_(plan.caution));
    }
    if (options.weight_decay != 0 && !options.decoupled_decay) {
      u.add_(part.p, options.weight_decay);
    }
    return u;
  }
};

}  // namespace optibridge::torch_bridge::optim::timm
