// Optimizers whose step can be taken part by part: any stretch of a parameter's elements together
// with the same stretch of the gradient and of the state. What holds for the whole parameter is
// worked out before, in a plan. A class defines
//   plan(p, options, state): numbers and scalars of the state, once for a parameter and step. It
//     must not read the elements of p, which may not be there yet;
//   apply(part, options, plan): the step of the part's elements.
// A class whose step needs sums over a parameter, such as a norm, also defines
//   passes(options): how many times it has to go over the elements before `apply`;
//   measure(pass, part, options, plan, sums): adds to the sums; the first call for a part may
//     change the state. It may leave a tensor in part.work, which the next call finds again unless
//     the parameter was divided;
//   settle(pass, options, plan, sums): brings the sums of all parts into the plan.
#pragma once

#include <array>
#include <cmath>

#include "torch/optim/base.h"

namespace optibridge::torch_bridge::optim {

template <class State>
struct Part {
  at::Tensor p, g;
  State state;
  at::Tensor work;
};

using Sums = std::array<double, 2>;

template <class Derived, class OptionsType, class StateType, class PlanType>
class DivisibleOf : public OptimizerOf<Derived, OptionsType, StateType> {
 public:
  using Options = OptionsType;
  using State = StateType;
  using Plan = PlanType;
  using Part = optim::Part<State>;
  using Sums = optim::Sums;
  using OptimizerOf<Derived, OptionsType, StateType>::OptimizerOf;

  static void update(const at::Tensor& p, const Options& options, State& state) {
    Plan plan = Derived::plan(p, options, state);
    Part part{p, p.grad(), state, at::Tensor()};
    for (int pass = 0; pass < Derived::passes(options); ++pass) {
      Sums sums{};
      Derived::measure(pass, part, options, plan, sums);
      Derived::settle(pass, options, plan, sums);
    }
    Derived::apply(part, options, plan);
  }

  // Whether this configuration can be divided after all.
  static bool divisible(const Options&) { return true; }
  // Whether a step uses what `look` finds out, so that it can't begin before all gradients are
  // there.
  static bool looks(const Options&) { return false; }
  static int passes(const Options&) { return 0; }
  static void measure(int, Part&, const Options&, const Plan&, Sums&) {}
  static void settle(int, const Options&, Plan&, const Sums&) {}
};

// The gradient that a step works with: the ascent of `maximize` first, then a coupled decay.
inline at::Tensor gradient(const at::Tensor& p, const at::Tensor& g, bool maximize,
                           double weight_decay) {
  if (!maximize) return weight_decay == 0 ? g : at::add(g, p, weight_decay);
  at::Tensor negated = g.neg();
  if (weight_decay != 0) negated.add_(p, weight_decay);
  return negated;
}

// The same where the options say whether the decay is coupled; a decoupled one shrinks p at once.
template <class Options>
at::Tensor decayed_gradient(const at::Tensor& p, const at::Tensor& g, const Options& options) {
  const double decay = options.weight_decay;
  if (!options.decoupled_weight_decay) return gradient(p, g, options.maximize, decay);
  if (decay != 0) p.mul_(1 - options.lr * decay);
  return gradient(p, g, options.maximize, 0);
}

inline double square_sum(const at::Tensor& tensor) {
  const double norm = at::linalg_vector_norm(tensor).item<double>();
  return norm * norm;
}

}  // namespace optibridge::torch_bridge::optim
