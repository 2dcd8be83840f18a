// SparseAdam: Kingma and Ba's Adam, applied only to the rows that the gradient has, as PyTorch has
// it:
//   m += (1 - beta1) (g - m);  v += (1 - beta2) (g² - v)
//   p -= lr sqrt(1 - beta2^t) / (1 - beta1^t) m / (sqrt(v) + eps)
// t counts all steps, whatever rows they had.
#pragma once

#include <cmath>
#include <stdexcept>

#include "torch/optim/base.h"

namespace optibridge::torch_bridge::optim {

struct SparseAdamOptions final : OptionsOf<SparseAdamOptions> {
  explicit SparseAdamOptions(double rate = 1e-3) : OptionsOf(rate) {}
  template <class Self, class Visit>
  static void each(Self& self, Visit&& visit) {
    visit("beta1", self.beta1);
    visit("beta2", self.beta2);
    visit("eps", self.eps);
    visit("maximize", self.maximize);
  }

  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  bool maximize = false;
};

struct SparseAdamState final : StateOf<SparseAdamState> {
  template <class Self, class Visit>
  static void each(Self& self, Visit&& visit) {
    visit(SlotSpec("exp_avg"), self.exp_avg);
    visit(SlotSpec("exp_avg_sq"), self.exp_avg_sq);
  }

  at::Tensor exp_avg;
  at::Tensor exp_avg_sq;
};

class SparseAdam final : public OptimizerOf<SparseAdam, SparseAdamOptions, SparseAdamState> {
 public:
  using OptimizerOf::OptimizerOf;

  static void update(const at::Tensor&, const Options&, State&) {
    throw std::invalid_argument("SparseAdam takes no dense gradients; Adam does");
  }

  // What the step number t makes of n elements.
  template <class T>
  struct Rows {
    Rows(const Options& options, double lr, double t)
        : rest1(static_cast<T>(1 - options.beta1)),
          rest2(static_cast<T>(1 - options.beta2)),
          eps(static_cast<T>(options.eps)),
          sign(options.maximize ? T(-1) : T(1)),
          rate(static_cast<T>(-(lr * std::sqrt(1 - std::pow(options.beta2, t)) /
                                (1 - std::pow(options.beta1, t))))) {}

    void operator()(T* p, const T* gradient, T* m, T* v, int64_t n) const {
      for (int64_t j = 0; j < n; ++j) {
        const T g = sign * gradient[j];
        m[j] += (g - m[j]) * rest1;
        v[j] += (g * g - v[j]) * rest2;
        p[j] += rate * (m[j] / (std::sqrt(v[j]) + eps));
      }
    }

    const T rest1, rest2, eps, sign, rate;
  };
};

}  // namespace optibridge::torch_bridge::optim
