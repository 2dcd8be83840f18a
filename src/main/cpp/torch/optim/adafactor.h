// Adafactor: Shazeer and Stern, "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost"
// (2018), as PyTorch has it. With w = t^beta2_decay:
//   rate = max(eps2, rms(p)) min(lr, 1 / sqrt(t));  p *= 1 - lr weight_decay
//   row_var += w (mean of g^2 over columns - row_var);  col_var alike over rows
//   v = row_var col_var / max(mean of row_var, eps1)
//   u = g / sqrt(max(v, eps1^2));  p -= rate u / max(1, rms(u) / d)
// Tensors of fewer than two dimensions keep all of v, as `variance`; of more, the last two are
// rows and columns.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "torch/optim/parts.h"

namespace optibridge::torch_bridge::optim {

struct AdafactorOptions final : OptionsOf<AdafactorOptions> {
  explicit AdafactorOptions(double rate = 1e-2) : OptionsOf(rate) {}
  template <class Self, class Visit>
  static void each(Self& self, Visit&& visit) {
    visit("beta2_decay", self.beta2_decay);
    visit("eps1", self.eps1);
    visit("eps2", self.eps2);
    visit("d", self.d);
    visit("weight_decay", self.weight_decay);
    visit("maximize", self.maximize);
  }

  double beta2_decay = -0.8;
  double eps1 = std::numeric_limits<double>::quiet_NaN();
  double eps2 = 1e-3;
  double d = 1;
  double weight_decay = 0;
  bool maximize = false;
};

struct AdafactorState final : StateOf<AdafactorState> {
  template <class Self, class Visit>
  static void each(Self& self, Visit&& visit) {
    visit(SlotSpec("row_var", SlotSpec::SHAPED), self.row_var);
    visit(SlotSpec("col_var", SlotSpec::SHAPED), self.col_var);
    visit(SlotSpec("variance", SlotSpec::SHAPED), self.variance);
  }

  at::Tensor row_var;
  at::Tensor col_var;
  at::Tensor variance;
};

class Adafactor final : public OptimizerOf<Adafactor, AdafactorOptions, AdafactorState> {
 public:
  using OptimizerOf::OptimizerOf;

  static std::vector<int64_t> slot_shape(const std::string& slot, at::IntArrayRef param) {
    const bool factored = param.size() > 1;
    if (factored == (slot == "variance")) return {0};
    std::vector<int64_t> shape = param.vec();
    if (slot == "row_var") shape[shape.size() - 1] = 1;
    if (slot == "col_var") shape[shape.size() - 2] = 1;
    return shape;
  }

  static void update(const at::Tensor& p, const Options& options, State& state) {
    const at::Tensor g = gradient(p, p.grad(), options.maximize, 0);
    const double lr = options.lr;
    const double t = static_cast<double>(state.step);
    const double weight = std::pow(t, options.beta2_decay);
    const double eps1 = std::isnan(options.eps1) ? epsilon(p.scalar_type()) : options.eps1;
    const double rate = std::max(options.eps2, rms(p)) * std::min(lr, 1 / std::sqrt(t));
    if (options.weight_decay != 0) p.mul_(1 - lr * options.weight_decay);

    at::Tensor u;
    if (p.dim() > 1) {
      state.row_var.lerp_(mean_square(g, -1), weight);
      state.col_var.lerp_(mean_square(g, -2), weight);
      const at::Tensor mean = state.row_var.mean(-2, /*keepdim=*/true).clamp_min_(eps1);
      u = state.row_var.div(mean).mul(state.col_var).clamp_min_(eps1 * eps1);
    } else {
      state.variance.lerp_(g.square(), weight);
      u = state.variance.clamp_min(eps1 * eps1);
    }
    u.rsqrt_().mul_(g);
    p.sub_(u, rate / std::max(1.0, rms(u) / options.d));
  }

 private:
  static double rms(const at::Tensor& tensor) {
    return at::linalg_vector_norm(tensor).item<double>() /
           std::sqrt(static_cast<double>(tensor.numel()));
  }

  static at::Tensor mean_square(const at::Tensor& g, int64_t dim) {
    return at::linalg_vector_norm(g, 2, dim, /*keepdim=*/true)
        .square_()
        .div_(static_cast<double>(g.size(dim)));
  }

  static double epsilon(at::ScalarType dtype) {
    return dtype == at::kDouble ? std::numeric_limits<double>::epsilon()
                                : std::numeric_limits<float>::epsilon();
  }
};

}  // namespace optibridge::torch_bridge::optim
