// LARS: You, Gitman and Ginsburg, "Large Batch Training of Convolutional Networks" (2017), as
// timm.optim.Lars has it:
//   r = trust_coeff ||p|| / (||g|| + weight_decay ||p|| + eps), 1 if a norm is 0;
//   with trust_clip r = min(r / lr, 1);  g = r (g + weight_decay p)
//   b = g at first, then momentum b + (1 - dampening) g;  p -= lr b, or g + momentum b if nesterov
// Without weight_decay r is left out, unless always_adapt.
#pragma once

#include "torch/optim/timm.h"

namespace optibridge::torch_bridge::optim::timm {

struct LarsOptions final : OptionsOf<LarsOptions> {
  explicit LarsOptions(double rate = 1) : OptionsOf(rate) {}
  template <class Self, class Visit>
  static void each(Self& self, Visit&& visit) {
    visit("momentum", self.momentum);
    visit("dampening", self.dampening);
    visit("weight_decay", self.weight_decay);
    visit("nesterov", self.nesterov);
    visit("trust_coeff", self.trust_coeff);
    visit("eps", self.eps);
    visit("trust_clip", self.trust_clip);
    visit("always_adapt", self.always_adapt);
  }

  double momentum = 0;
  double dampening = 0;
  double weight_decay = 0;
  bool nesterov = false;
  double trust_coeff = 0.001;
  double eps = 1e-8;
  bool trust_clip = false;
  bool always_adapt = false;

  bool adapts() const { return weight_decay != 0 || always_adapt; }
};

struct LarsState final : StateOf<LarsState> {
  template <class Self, class Visit>
  static void each(Self& self, Visit&& visit) {
    visit(SlotSpec("momentum_buffer"), self.momentum_buffer);
  }

  at::Tensor momentum_buffer;
};

struct LarsPlan {
  bool first;
  double trust = 1;
};

class Lars final : public DivisibleOf<Lars, LarsOptions, LarsState, LarsPlan> {
 public:
  using DivisibleOf::DivisibleOf;

  static bool has_slot(const std::string&, const Options& options) { return options.momentum != 0; }

  static Plan plan(const at::Tensor&, const Options&, State& state) { return {state.step == 1}; }

  static int passes(const Options& options) { return options.adapts(); }

  static void measure(int, Part& part, const Options&, const Plan&, Sums& sums) {
    sums[0] += square_sum(part.p);
    sums[1] += square_sum(part.g);
  }

  static void settle(int, const Options& options, Plan& plan, const Sums& sums) {
    const double weights = std::sqrt(sums[0]), gradients = std::sqrt(sums[1]);
    plan.trust = weights > 0 && gradients > 0
                     ? options.trust_coeff * weights /
                           (gradients + weights * options.weight_decay + options.eps)
                     : 1;
    if (options.trust_clip) plan.trust = at_most(plan.trust / options.lr, 1);
  }

  static void apply(Part& part, const Options& options, const Plan& plan) {
    at::Tensor g = part.g;
    if (options.adapts()) g = g.add(part.p, options.weight_decay).mul_(plan.trust);
    if (options.momentum != 0) {
      at::Tensor& buffer = part.state.momentum_buffer;
      if (plan.first) {
        buffer.copy_(g);
      } else {
        buffer.mul_(options.momentum).add_(g, 1 - options.dampening);
      }
      g = options.nesterov ? g.add(buffer, options.momentum) : buffer;
    }
    part.p.sub_(g, options.lr);
  }
};

}  // namespace optibridge::torch_bridge::optim::timm
