// Muon: Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024), as PyTorch
// has it:
//   b += (1 - momentum) (g - b);  u = g + momentum (b - g) if nesterov, else b
//   p *= 1 - lr weight_decay;  p -= lr f orthogonalized(u)
// f is sqrt(max(1, rows / columns)), or 0.2 sqrt(max(rows, columns)) to match the RMS of AdamW.
// orthogonalized(): ns_steps times, in bfloat16, from X = u / ||u|| with no more rows than columns:
//   A = X X';  X = ns_a X + (ns_b A + ns_c A A) X
#pragma once

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "torch/optim/base.h"

namespace optibridge::torch_bridge::optim {

struct MuonOptions final : OptionsOf<MuonOptions> {
  explicit MuonOptions(double rate = 1e-3) : OptionsOf(rate) {}
  template <class Self, class Visit>
  static void each(Self& self, Visit&& visit) {
    visit("weight_decay", self.weight_decay);
    visit("momentum", self.momentum);
    visit("nesterov", self.nesterov);
    visit("ns_a", self.ns_a);
    visit("ns_b", self.ns_b);
    visit("ns_c", self.ns_c);
    visit("eps", self.eps);
    visit("ns_steps", self.ns_steps);
    visit("match_rms_adamw", self.match_rms_adamw);
  }

  double weight_decay = 0.1;
  double momentum = 0.95;
  bool nesterov = true;
  double ns_a = 3.4445;
  double ns_b = -4.775;
  double ns_c = 2.0315;
  double eps = 1e-7;
  int64_t ns_steps = 5;
  bool match_rms_adamw = false;
};

struct MuonState final : StateOf<MuonState> {
  template <class Self, class Visit>
  static void each(Self& self, Visit&& visit) {
    visit(SlotSpec("momentum_buffer", SlotSpec::SHAPED), self.momentum_buffer);
  }

  at::Tensor momentum_buffer;
};

class Muon final : public OptimizerOf<Muon, MuonOptions, MuonState> {
 public:
  using OptimizerOf::OptimizerOf;

  static std::vector<int64_t> slot_shape(const std::string&, at::IntArrayRef param) {
    if (param.size() == 2) return param.vec();
    throw std::invalid_argument("has " + std::to_string(param.size()) +
                                " dimensions; Muon steps matrices only, so leave such tensors to"
                                " another optimizer");
  }

  static void start(const at::Tensor& p, const Options&, State& state) {
    TORCH_CHECK(p.dim() == 2, "Muon steps matrices only, not a tensor of shape ", p.sizes());
    OptimizerOf::start(p, Options(), state);
  }

  static void update(const at::Tensor& p, const Options& options, State& state) {
    const at::Tensor& g = p.grad();
    at::Tensor& buffer = state.momentum_buffer;
    buffer.lerp_(g, 1 - options.momentum);
    const at::Tensor u =
        orthogonalized(options.nesterov ? g.lerp(buffer, options.momentum) : buffer, options);
    const double rows = static_cast<double>(p.size(0));
    const double columns = static_cast<double>(p.size(1));
    const double factor = options.match_rms_adamw ? 0.2 * std::sqrt(std::max(rows, columns))
                                                  : std::sqrt(std::max(1.0, rows / columns));
    if (options.weight_decay != 0) p.mul_(1 - options.lr * options.weight_decay);
    p.sub_(u, options.lr * factor);
  }

 private:
  static at::Tensor orthogonalized(const at::Tensor& u, const Options& options) {
    at::Tensor x = u.to(at::kBFloat16);
    const bool tall = x.size(0) > x.size(1);
    if (tall) x = x.t();
    x.div_(x.norm().clamp_min_(options.eps));
    for (int64_t i = 0; i < options.ns_steps; ++i) {
      const at::Tensor gram = x.mm(x.t());
      const at::Tensor polynomial = at::addmm(gram, gram, gram, options.ns_b, options.ns_c);
      x = at::addmm(x, polynomial, x, options.ns_a);
    }
    return tall ? x.t() : x;
  }
};

}  // namespace optibridge::torch_bridge::optim
