// Lion: Chen et al., "Symbolic Discovery of Optimization Algorithms" (2023), as
// pytorch_optimizer.Lion has it:
//   p *= 1 - lr weight_decay, or 1 - weight_decay with fixed_decay; without weight_decouple
//   g += weight_decay p
//   u = sign(beta1 m + (1 - beta1) g);  m = beta2 m + (1 - beta2) g;  p -= lr u
// cautious leaves out elements of u whose sign is not the gradient's; the others grow in return.
#pragma once

#include "torch/optim/caution.h"
#include "torch/optim/pytorch_optimizer.h"

namespace optibridge::torch_bridge::optim::pytorch_optimizer {

struct LionOptions final : OptionsOf<LionOptions> {
  explicit LionOptions(double rate = 1e-4) : OptionsOf(rate) {}
  template <class Self, class Visit>
  static void each(Self& self, Visit&& visit) {
    visit("beta1", self.beta1);
    visit("beta2", self.beta2);
    visit("weight_decay", self.weight_decay);
    visit("weight_decouple", self.weight_decouple);
    visit("fixed_decay", self.fixed_decay);
    visit("maximize", self.maximize);
    visit("use_gc", self.use_gc);
    visit("adanorm", self.adanorm);
    visit("adanorm_r", self.adanorm_r);
    visit("cautious", self.cautious);
  }

  double beta1 = 0.9;
  double beta2 = 0.99;
  double weight_decay = 0;
  bool weight_decouple = true;
  bool fixed_decay = false;
  bool maximize = false;
  bool use_gc = false;
  bool adanorm = false;
  double adanorm_r = 0.95;
  bool cautious = false;
};

struct LionState final : StateOf<LionState> {
  template <class Self, class Visit>
  static void each(Self& self, Visit&& visit) {
    visit(SlotSpec("exp_avg"), self.exp_avg);
    visit(adanorm_slot(), self.exp_grad_adanorm);
  }

  at::Tensor exp_avg;
  at::Tensor exp_grad_adanorm;
};

struct LionPlan {
  double numel;
  double caution = 1;
};

class Lion final : public DivisibleOf<Lion, LionOptions, LionState, LionPlan> {
 public:
  using DivisibleOf::DivisibleOf;

  static std::vector<int64_t> slot_shape(const std::string& slot, at::IntArrayRef param) {
    return slot == "exp_grad_adanorm" ? std::vector<int64_t>{1} : param.vec();
  }
  static bool has_slot(const std::string& slot, const Options& options) {
    return slot != "exp_grad_adanorm" || options.adanorm;
  }
  static bool divisible(const Options& options) { return !options.adanorm && !options.use_gc; }

  static Plan plan(const at::Tensor& p, const Options&, State&) {
    return {static_cast<double>(p.numel())};
  }

  static int passes(const Options& options) { return options.cautious; }

  // The decay comes before the sign if it is a part of the gradient, so p must not have moved yet.
  static void measure(int, Part& part, const Options& options, const Plan&, Sums& sums) {
    const at::Tensor g = pull(part, options);
    sums[0] += agreement(direction(part, g, options), g).sum().item<double>();
  }

  static void settle(int, const Options&, Plan& plan, const Sums& sums) {
    plan.caution = plan.numel / (sums[0] + 1);
  }

  static void apply(Part& part, const Options& options, const Plan& plan) {
    State& state = part.state;
    const at::Tensor g = pull(part, options);
    decoupled_decay(part.p, options);
    at::Tensor u = direction(part, g, options);
    state.exp_avg.lerp_(
        options.adanorm ? pytorch_optimizer::adanorm(g, state.exp_grad_adanorm, options.adanorm_r)
                        : g,
        1 - options.beta2);
    if (options.cautious) u.mul_(agreement(u, g).mul_(plan.caution));
    part.p.sub_(u, options.lr);
  }

 private:
  static at::Tensor pull(const Part& part, const Options& options) {
    const double decay = options.weight_decouple ? 0 : options.weight_decay;
    if (!options.use_gc) return gradient(part.p, part.g, options.maximize, decay);
    return gradient(part.p, centralized(options.maximize ? part.g.neg() : part.g), false, decay);
  }

  static at::Tensor direction(const Part& part, const at::Tensor& g, const Options& options) {
    return part.state.exp_avg.lerp(g, 1 - options.beta1).sign_();
  }
};

}  // namespace optibridge::torch_bridge::optim::pytorch_optimizer
