// RAdam: Liu et al., "On the Variance of the Adaptive Learning Rate and Beyond" (2020):
//   m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;  M = m / (1 - beta1^t)
//   N = 2 / (1 - beta2) - 1;  n = N - 2 t beta2^t / (1 - beta2^t)
//   p -= lr M while n <= 5, then
//   p -= lr M r sqrt(1 - beta2^t) / (sqrt(v) + eps),
//   r^2 = (n - 4) (n - 2) N / ((N - 4) (N - 2) n)
#pragma once

#include <cmath>

#include "torch/optim/parts.h"

namespace optibridge::torch_bridge::optim {

struct RAdamOptions final : OptionsOf<RAdamOptions> {
  explicit RAdamOptions(double rate = 1e-3) : OptionsOf(rate) {}
  template <class Self, class Visit>
  static void each(Self& self, Visit&& visit) {
    visit("beta1", self.beta1);
    visit("beta2", self.beta2);
    visit("eps", self.eps);
    visit("weight_decay", self.weight_decay);
    visit("decoupled_weight_decay", self.decoupled_weight_decay);
    visit("maximize", self.maximize);
  }

  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
  bool decoupled_weight_decay = false;
  bool maximize = false;
};

struct RAdamState final : StateOf<RAdamState> {
  template <class Self, class Visit>
  static void each(Self& self, Visit&& visit) {
    visit(SlotSpec("exp_avg"), self.exp_avg);
    visit(SlotSpec("exp_avg_sq"), self.exp_avg_sq);
  }

  at::Tensor exp_avg;
  at::Tensor exp_avg_sq;
};

struct RAdamPlan {
  double rate;
  bool rectified;
};

class RAdam final : public DivisibleOf<RAdam, RAdamOptions, RAdamState, RAdamPlan> {
 public:
  using DivisibleOf::DivisibleOf;

  static Plan plan(const at::Tensor&, const Options& options, State& state) {
    const double t = static_cast<double>(state.step);
    const double rate = options.lr / (1 - std::pow(options.beta1, t));
    const double power = std::pow(options.beta2, t);
    const double most = 2 / (1 - options.beta2) - 1;
    const double length = most - 2 * t * power / (1 - power);
    if (length <= 5) return {rate, false};
    const double rectification =
        std::sqrt((length - 4) * (length - 2) * most / ((most - 4) * (most - 2) * length));
    return {rate * rectification * std::sqrt(1 - power), true};
  }

  static void apply(Part& part, const Options& options, const Plan& plan) {
    auto& [p, given, state, work] = part;
    const at::Tensor g = decayed_gradient(p, given, options);
    state.exp_avg.lerp_(g, 1 - options.beta1);
    state.exp_avg_sq.mul_(options.beta2).addcmul_(g, g, 1 - options.beta2);
    if (plan.rectified) {
      p.addcdiv_(state.exp_avg, state.exp_avg_sq.sqrt().add_(options.eps), -plan.rate);
    } else {
      p.sub_(state.exp_avg, plan.rate);
    }
  }
};

}  // namespace optibridge::torch_bridge::optim
