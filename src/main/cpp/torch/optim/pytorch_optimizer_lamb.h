// LAMB: You et al., "Large Batch Optimization for Deep Learning: Training BERT in 76 minutes"
// (2020), as pytorch_optimizer.Lamb has it. With n the norm of all gradients together and a step
// size a = lr / (1 - beta1^t), or lr with adam_debias:
//   with pre_norm g *= min(1, max_grad_norm / (n + eps));  g = -g with maximize
//   m = beta1 m + (1 - beta1) g, or + g without grad_averaging;  v = beta2 v + (1 - beta2) g^2
//   weight_decouple: p *= 1 - lr weight_decay, or 1 - weight_decay with fixed_decay
//   u = m / (sqrt(v) + eps), + weight_decay p without weight_decouple
//   p -= a r u;  r = min(||p||, 10) / (||u|| + eps), 1 if a norm is 0 or with adam
// With rectify a is that of RAdam, whose average of squares counts from n_sma_threshold on; before
// there is no step, or with degenerated_to_sgd one with u = m. The norm is then of p - a u in the
// place of u. t counts the steps of all tensors together.
#pragma once

#include <stdexcept>

#include "torch/optim/pytorch_optimizer.h"

namespace optibridge::torch_bridge::optim::pytorch_optimizer {

struct LambOptions final : OptionsOf<LambOptions> {
  explicit LambOptions(double rate = 1e-3) : OptionsOf(rate) {}
  template <class Self, class Visit>
  static void each(Self& self, Visit&& visit) {
    visit("beta1", self.beta1);
    visit("beta2", self.beta2);
    visit("weight_decay", self.weight_decay);
    visit("weight_decouple", self.weight_decouple);
    visit("fixed_decay", self.fixed_decay);
    visit("rectify", self.rectify);
    visit("degenerated_to_sgd", self.degenerated_to_sgd);
    visit("n_sma_threshold", self.n_sma_threshold);
    visit("grad_averaging", self.grad_averaging);
    visit("max_grad_norm", self.max_grad_norm);
    visit("adam", self.adam);
    visit("pre_norm", self.pre_norm);
    visit("eps", self.eps);
    visit("maximize", self.maximize);
    visit("adanorm", self.adanorm);
    visit("adanorm_r", self.adanorm_r);
    visit("adam_debias", self.adam_debias);
  }

  double beta1 = 0.9;
  double beta2 = 0.999;
  double weight_decay = 0;
  bool weight_decouple = true;
  bool fixed_decay = false;
  bool rectify = false;
  bool degenerated_to_sgd = false;
  int64_t n_sma_threshold = 5;
  bool grad_averaging = true;
  double max_grad_norm = 1;
  bool adam = false;
  bool pre_norm = false;
  double eps = 1e-6;
  bool maximize = false;
  bool adanorm = false;
  double adanorm_r = 0.95;
  bool adam_debias = false;

  double scale = 1;  // of this step's gradients
};

struct LambState final : StateOf<LambState> {
  template <class Self, class Visit>
  static void each(Self& self, Visit&& visit) {
    visit(SlotSpec("k", SlotSpec::SCALAR64), self.k);
    visit(SlotSpec("exp_avg"), self.exp_avg);
    visit(SlotSpec("exp_avg_sq"), self.exp_avg_sq);
    visit(adanorm_slot(), self.exp_grad_adanorm);
  }

  at::Tensor k;  // steps of all tensors
  at::Tensor exp_avg;
  at::Tensor exp_avg_sq;
  at::Tensor exp_grad_adanorm;
};

struct LambPlan {
  double rate;
  bool uses_squares = true;
  double trust = 1;

  bool moves() const { return rate > 0; }
};

class Lamb final : public DivisibleOf<Lamb, LambOptions, LambState, LambPlan> {
 public:
  using DivisibleOf::DivisibleOf;

  static std::vector<int64_t> slot_shape(const std::string& slot, at::IntArrayRef param) {
    return slot == "exp_grad_adanorm" ? std::vector<int64_t>{1} : param.vec();
  }
  static bool has_slot(const std::string& slot, const Options& options) {
    return slot != "exp_grad_adanorm" || options.adanorm;
  }
  static bool divisible(const Options& options) { return !options.adanorm; }

  static bool looks(const Options& options) {
    return options.pre_norm && options.max_grad_norm != 0;
  }

  static void look(Options& options, const Gradients& gradients) {
    if (!looks(options)) return;
    options.scale = clip_factor(gradients, options.max_grad_norm, options.eps);
  }

  static Plan plan(const at::Tensor&, const Options& options, State& state) {
    const double t = scalar_of(state.k) + 1;
    Plan plan{options.lr};
    if (options.rectify) rectify(options, t, plan);
    if (!options.adam_debias) plan.rate /= 1 - std::pow(options.beta1, t);
    set_scalar(state.k, t);
    return plan;
  }

  static int passes(const Options& options) { return !options.adam; }

  static void measure(int, Part& part, const Options& options, const Plan& plan, Sums& sums) {
    average(part, options);
    if (options.rectify && !plan.moves()) return;
    part.work = update(part, options, plan);
    sums[0] += square_sum(part.p);
    sums[1] += square_sum(options.rectify ? part.p.sub(part.work, plan.rate) : part.work);
  }

  static void settle(int, const Options& options, Plan& plan, const Sums& sums) {
    const double weights = std::sqrt(sums[0]), moves = std::sqrt(sums[1]);
    if (weights == 0 || moves == 0) return;
    plan.trust = (weights > 10 ? 10 : weights) / (moves + options.eps);
  }

  static void apply(Part& part, const Options& options, const Plan& plan) {
    if (passes(options) == 0) average(part, options);
    if (options.rectify && !plan.moves()) return;
    const at::Tensor u = part.work.defined() ? part.work : update(part, options, plan);
    part.p.sub_(u, plan.rate * plan.trust);
  }

 private:
  static void rectify(const Options& options, double t, Plan& plan) {
    const double power = std::pow(options.beta2, t);
    const double most = 2 / (1 - options.beta2) - 1;
    const double length = most - 2 * t * power / (1 - power);
    plan.uses_squares = length >= static_cast<double>(options.n_sma_threshold);
    if (!plan.uses_squares) {
      plan.rate *= options.degenerated_to_sgd ? 1 : -1;
      return;
    }
    const double square =
        (1 - power) * (length - 4) / (most - 4) * (length - 2) / length * most / (most - 2);
    if (!(square >= 0) || std::isinf(square)) {
      throw std::invalid_argument(
          "with n_sma_threshold=" + std::to_string(options.n_sma_threshold) +
          " rectification takes the root of a negative number at step " +
          std::to_string(static_cast<int64_t>(t)) + "; a threshold of 5 or more can't");
    }
    plan.rate *= std::sqrt(square);
  }

  // Averages and decay.
  static void average(Part& part, const Options& options) {
    State& state = part.state;
    at::Tensor g = options.scale == 1 ? part.g : part.g.mul(options.scale);
    if (options.maximize) g = g.neg();
    const at::Tensor of_average =
        options.adanorm ? pytorch_optimizer::adanorm(g, state.exp_grad_adanorm, options.adanorm_r)
                        : g;
    state.exp_avg.mul_(options.beta1)
        .add_(of_average, options.grad_averaging ? 1 - options.beta1 : 1);
    state.exp_avg_sq.mul_(options.beta2).addcmul_(g, g, 1 - options.beta2);
    decoupled_decay(part.p, options);
  }

  static at::Tensor update(const Part& part, const Options& options, const Plan& plan) {
    if (!plan.uses_squares) return part.state.exp_avg;
    at::Tensor u = part.state.exp_avg_sq.sqrt().add_(options.eps);
    at::div_out(u, part.state.exp_avg, u);
    if (!options.rectify && !options.weight_decouple && options.weight_decay > 0) {
      u.add_(part.p, options.weight_decay);
    }
    return u;
  }
};

}  // namespace optibridge::torch_bridge::optim::pytorch_optimizer
