// NAdam: Dozat, "Incorporating Nesterov Momentum into Adam" (2016):
//   mu_t = beta1 (1 - 0.5 * 0.96^(t momentum_decay));  P_t = P_(t-1) mu_t
//   m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2
//   d = sqrt(v / (1 - beta2^t)) + eps
//   p -= lr [(1 - mu_t) / (1 - P_t) g + mu_(t+1) / (1 - P_t mu_(t+1)) m] / d
// The product P is kept in float32, as Python keeps it.
#pragma once

#include <cmath>

#include "torch/optim/parts.h"

namespace optibridge::torch_bridge::optim {

struct NAdamOptions final : OptionsOf<NAdamOptions> {
  explicit NAdamOptions(double rate = 2e-3) : OptionsOf(rate) {}
  template <class Self, class Visit>
  static void each(Self& self, Visit&& visit) {
    visit("beta1", self.beta1);
    visit("beta2", self.beta2);
    visit("eps", self.eps);
    visit("weight_decay", self.weight_decay);
    visit("momentum_decay", self.momentum_decay);
    visit("decoupled_weight_decay", self.decoupled_weight_decay);
    visit("maximize", self.maximize);
  }

  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
  double momentum_decay = 4e-3;
  bool decoupled_weight_decay = false;
  bool maximize = false;
};

struct NAdamState final : StateOf<NAdamState> {
  template <class Self, class Visit>
  static void each(Self& self, Visit&& visit) {
    visit(SlotSpec("mu_product", SlotSpec::SCALAR, 1), self.mu_product);
    visit(SlotSpec("exp_avg"), self.exp_avg);
    visit(SlotSpec("exp_avg_sq"), self.exp_avg_sq);
  }

  at::Tensor mu_product;
  at::Tensor exp_avg;
  at::Tensor exp_avg_sq;
};

struct NAdamPlan {
  double of_gradient, of_average, correction2;
};

class NAdam final : public DivisibleOf<NAdam, NAdamOptions, NAdamState, NAdamPlan> {
 public:
  using DivisibleOf::DivisibleOf;

  static Plan plan(const at::Tensor&, const Options& options, State& state) {
    const double t = static_cast<double>(state.step);
    const double mu = momentum(options, t);
    const double mu_next = momentum(options, t + 1);
    set_scalar(state.mu_product, scalar_of(state.mu_product) * static_cast<float>(mu));
    const double product = scalar_of(state.mu_product);
    return {options.lr * (1 - mu) / (1 - product), options.lr * mu_next / (1 - product * mu_next),
            1 - std::pow(options.beta2, t)};
  }

  static void apply(Part& part, const Options& options, const Plan& plan) {
    auto& [p, given, state, work] = part;
    const at::Tensor g = decayed_gradient(p, given, options);
    state.exp_avg.lerp_(g, 1 - options.beta1);
    state.exp_avg_sq.mul_(options.beta2).addcmul_(g, g, 1 - options.beta2);
    const at::Tensor denominator = state.exp_avg_sq.div(plan.correction2).sqrt_().add_(options.eps);
    p.addcdiv_(g, denominator, -plan.of_gradient);
    p.addcdiv_(state.exp_avg, denominator, -plan.of_average);
  }

 private:
  static double momentum(const Options& options, double t) {
    return options.beta1 * (1 - 0.5 * std::pow(0.96, t * options.momentum_decay));
  }
};

}  // namespace optibridge::torch_bridge::optim
