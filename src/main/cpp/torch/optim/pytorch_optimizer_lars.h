// LARS: You, Gitman and Ginsburg, "Large Batch Training of Convolutional Networks" (2017), as
// pytorch_optimizer.LARS has it. Tensors of at least two dimensions:
//   g = r (g + weight_decay p);  r = trust_coefficient ||p|| / (||g|| + weight_decay ||p||), or 1
// All, b being 0 at first:
//   b = momentum b + (1 - dampening) g;  p -= lr b, or g + momentum b if nesterov
#pragma once

#include "torch/optim/pytorch_optimizer.h"

namespace optibridge::torch_bridge::optim::pytorch_optimizer {

struct LARSOptions final : OptionsOf<LARSOptions> {
  explicit LARSOptions(double rate = 1e-3) : OptionsOf(rate) {}
  template <class Self, class Visit>
  static void each(Self& self, Visit&& visit) {
    visit("weight_decay", self.weight_decay);
    visit("momentum", self.momentum);
    visit("dampening", self.dampening);
    visit("trust_coefficient", self.trust_coefficient);
    visit("nesterov", self.nesterov);
    visit("maximize", self.maximize);
  }

  double weight_decay = 0;
  double momentum = 0.9;
  double dampening = 0;
  double trust_coefficient = 1e-3;
  bool nesterov = false;
  bool maximize = false;
};

struct LARSState final : StateOf<LARSState> {
  template <class Self, class Visit>
  static void each(Self& self, Visit&& visit) {
    visit(SlotSpec("momentum_buffer"), self.momentum_buffer);
  }

  at::Tensor momentum_buffer;
};

struct LARSPlan {
  bool adapts;
  double trust = 1;
};

class LARS final : public DivisibleOf<LARS, LARSOptions, LARSState, LARSPlan> {
 public:
  using DivisibleOf::DivisibleOf;

  static bool has_slot(const std::string&, const Options& options) { return options.momentum > 0; }

  static Plan plan(const at::Tensor& p, const Options&, State&) { return {p.dim() > 1}; }

  static int passes(const Options&) { return 1; }

  static void measure(int, Part& part, const Options&, const Plan& plan, Sums& sums) {
    if (!plan.adapts) return;
    sums[0] += square_sum(part.p);
    sums[1] += square_sum(part.g);
  }

  static void settle(int, const Options& options, Plan& plan, const Sums& sums) {
    const double weights = std::sqrt(sums[0]);
    const double all = std::sqrt(sums[1]) + options.weight_decay * weights;
    if (weights > 0 && all > 0) plan.trust = options.trust_coefficient * weights / all;
  }

  static void apply(Part& part, const Options& options, const Plan& plan) {
    at::Tensor g = options.maximize ? part.g.neg() : part.g;
    if (plan.adapts) g = g.add(part.p, options.weight_decay).mul_(plan.trust);
    if (options.momentum > 0) {
      at::Tensor& buffer = part.state.momentum_buffer;
      buffer.mul_(options.momentum).add_(g, 1 - options.dampening);
      g = options.nesterov ? g.add(buffer, options.momentum) : buffer;
    }
    part.p.sub_(g, options.lr);
  }
};

}  // namespace optibridge::torch_bridge::optim::pytorch_optimizer
