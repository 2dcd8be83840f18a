#include "torch/row_step.h"

#include <algorithm>
#include <cmath>

#include "core/guard.h"
#include "torch/optim/sparse_adam.h"
#include "torch/row_loop.h"

namespace optibridge::torch_bridge {
namespace {

template <class T>
T* elements(const at::Tensor& tensor) {
  return static_cast<T*>(tensor.data_ptr());
}

// Calls body(T()) for the tensor's dtype.
template <class Body>
void of_dtype(const at::Tensor& tensor, const Body& body) {
  if (tensor.scalar_type() == at::kFloat) {
    body(float());
  } else if (tensor.scalar_type() == at::kDouble) {
    body(double());
  } else {
    throw Unsupported("rows of this dtype can't be stepped");
  }
}

class Refused final : public RowStep {
 public:
  explicit Refused(const char* reason) : reason_(reason) {}
  const char* refusal() const override { return reason_; }
  void step(Binding&, const std::vector<Units>&, double) override { throw Unsupported(reason_); }

 private:
  const char* const reason_;
};

class AdamRows final : public RowStep {
 public:
  explicit AdamRows(const Options& options) {
    options_.beta1 = options.get("beta1");
    options_.beta2 = options.get("beta2");
    options_.eps = options.get("eps");
    options_.maximize = options.flag("maximize");
  }

  bool takes_dense() const override { return false; }

  void step(Binding& binding, const std::vector<Units>& units, double lr) override {
    count_step(binding);
    for (size_t i = 0; i < units.size(); ++i) {
      of_dtype(binding.params[i], [&](auto type) {
        using T = decltype(type);
        const optim::SparseAdam::Rows<T> rows(options_, lr, scalar_of(binding.slots[0][i]));
        T* p = elements<T>(binding.params[i]);
        T* m = elements<T>(binding.slots[1][i]);
        T* v = elements<T>(binding.slots[2][i]);
        each_unit<T>(units[i], [&](int64_t unit, const T* g) {
          const int64_t at = units[i].offset(unit);
          rows(p + at, g, m + at, v + at, units[i].length(unit));
        });
      });
    }
  }

 private:
  optim::SparseAdamOptions options_;
};

// Adagrad, over the rows of the gradient: s += g²; p -= lr / (1 + (t - 1) lr_decay) g / (√s + eps)
class AdagradRows final : public RowStep {
 public:
  explicit AdagradRows(const Options& options)
      : lr_decay_(options.get("lr_decay")),
        eps_(options.get("eps")),
        sign_(options.flag("maximize") ? -1 : 1) {}

  void step(Binding& binding, const std::vector<Units>& units, double lr) override {
    count_step(binding);
    for (size_t i = 0; i < units.size(); ++i) {
      const double t = scalar_of(binding.slots[0][i]);
      of_dtype(binding.params[i], [&](auto type) {
        using T = decltype(type);
        const T rate = static_cast<T>(-(lr / (1 + (t - 1) * lr_decay_)));
        const T eps = static_cast<T>(eps_);
        const T sign = static_cast<T>(sign_);
        T* params = elements<T>(binding.params[i]);
        T* sums = elements<T>(binding.slots[1][i]);
        each_unit<T>(units[i], [&](int64_t unit, const T* gradient) {
          T* p = params + units[i].offset(unit);
          T* s = sums + units[i].offset(unit);
          const int64_t n = units[i].length(unit);
          for (int64_t j = 0; j < n; ++j) {
            const T g = sign * gradient[j];
            s[j] += g * g;
            p[j] += rate * (g / (std::sqrt(s[j]) + eps));
          }
        });
      });
    }
  }

 private:
  const double lr_decay_, eps_, sign_;
};

class SgdRows : public RowStep {
 public:
  explicit SgdRows(const Options& options) : sign_(options.flag("maximize") ? -1 : 1) {}

  void step(Binding& binding, const std::vector<Units>& units, double lr) override {
    count_step(binding);
    for (size_t i = 0; i < units.size(); ++i) {
      of_dtype(binding.params[i], [&](auto type) {
        using T = decltype(type);
        const T rate = static_cast<T>(-lr * sign_);
        T* params = elements<T>(binding.params[i]);
        each_unit<T>(units[i], [&](int64_t unit, const T* g) {
          T* p = params + units[i].offset(unit);
          const int64_t n = units[i].length(unit);
          for (int64_t j = 0; j < n; ++j) p[j] += rate * g[j];
        });
      });
    }
  }

 protected:
  const double sign_;
};

// With momentum, a row that ever had a gradient goes on moving. So these rows are remembered, and
// all others left alone: their buffer is zero.
class MomentumRows final : public SgdRows {
 public:
  explicit MomentumRows(const Options& options)
      : SgdRows(options),
        momentum_(options.get("momentum")),
        dampening_(options.get("dampening")),
        nesterov_(options.flag("nesterov")) {}

  void sync(const Binding& binding) override { moving_.assign(binding.size(), {}); }

  void step(Binding& binding, const std::vector<Units>& units, double lr) override {
    // Everything that may fail comes first.
    for (size_t i = 0; i < units.size(); ++i) {
      Moving& moving = moving_[i];
      if (units[i].dense()) {
        moving.known = false;
        continue;
      }
      if (!moving.known) find_moving(binding.slots[1][i], moving);
      moving.rows.reserve(moving.rows.size() + static_cast<size_t>(units[i].size()));
    }
    ++now_;
    for (size_t i = 0; i < units.size(); ++i) {
      of_dtype(binding.params[i], [&](auto type) {
        using T = decltype(type);
        tensor<T>(binding, i, units[i], lr);
      });
    }
    count_step(binding);
  }

 private:
  struct Moving {
    int64_t width = 0;
    std::vector<int64_t> rows;
    std::vector<int64_t> stamp;  // for each row, now_ if it had a gradient in this step
    bool known = false;
  };

  // One pass over the buffer tells which rows move.
  static void find_moving(const at::Tensor& buffer, Moving& moving) {
    moving.width = width_of(buffer);
    moving.rows.clear();
    const int64_t rows = moving.width == 0 ? 0 : buffer.numel() / moving.width;
    moving.stamp.assign(static_cast<size_t>(rows), 0);
    of_dtype(buffer, [&](auto type) {
      using T = decltype(type);
      const T* data = elements<T>(buffer);
      for (int64_t row = 0; row < rows; ++row, data += moving.width) {
        if (std::any_of(data, data + moving.width, [](T x) { return !(x == 0); })) {
          moving.rows.push_back(row);
        }
      }
    });
    moving.known = true;
  }

  static int64_t width_of(const at::Tensor& tensor) {
    if (tensor.dim() == 0) return 1;
    return tensor.size(0) == 0 ? 0 : tensor.numel() / tensor.size(0);
  }

  template <class T>
  void tensor(Binding& binding, size_t i, const Units& units, double lr) {
    T* params = elements<T>(binding.params[i]);
    T* buffers = elements<T>(binding.slots[1][i]);
    const bool first = scalar_of(binding.slots[0][i]) == 0;
    const T momentum = static_cast<T>(momentum_);
    const T rest = static_cast<T>(1 - dampening_);
    const T rate = static_cast<T>(-lr);
    const T sign = static_cast<T>(sign_);
    const bool nesterov = nesterov_;
    const auto move = [=](int64_t at, int64_t n, const T* gradient) {
      for (int64_t j = at; j < at + n; ++j) {
        const T g = gradient == nullptr ? T(0) : sign * gradient[j - at];
        buffers[j] = first ? g : momentum * buffers[j] + rest * g;
        params[j] += rate * (nesterov ? g + momentum * buffers[j] : buffers[j]);
      }
    };
    Moving& moving = moving_[i];
    each_unit<T>(units, [&](int64_t unit, const T* gradient) {
      move(units.offset(unit), units.length(unit), gradient);
      if (!units.dense()) moving.stamp[units.row(unit)] = now_;
    });
    if (units.dense()) return;
    const size_t known = moving.rows.size();
    for (size_t r = 0; r < known; ++r) {
      const int64_t row = moving.rows[r];
      if (moving.stamp[row] != now_) move(row * moving.width, moving.width, nullptr);
    }
    // What had a gradient and was not known yet. A known row has a stamp of its own.
    for (size_t r = 0; r < known; ++r) moving.stamp[moving.rows[r]] = -now_;
    for (int64_t unit = 0; unit < units.size(); ++unit) {
      const int64_t row = units.row(unit);
      if (moving.stamp[row] == now_) moving.rows.push_back(row);
    }
  }

  const double momentum_, dampening_;
  const bool nesterov_;
  int64_t now_ = 0;
  std::vector<Moving> moving_;
};

}  // namespace

std::unique_ptr<RowStep> make_row_step(const Options& options) {
  const std::string& name = options.class_name();
  if (name == "SparseAdam") return std::make_unique<AdamRows>(options);
  if (name == "SGD" || name == "Adagrad") {
    if (options.get("weight_decay") != 0) {
      return std::make_unique<Refused>("with a weight_decay it takes no sparse gradients");
    }
    if (name == "Adagrad") return std::make_unique<AdagradRows>(options);
    if (options.get("momentum") != 0) return std::make_unique<MomentumRows>(options);
    return std::make_unique<SgdRows>(options);
  }
  return std::make_unique<Refused>(
      "it takes no sparse gradients; SparseAdam, SGD and Adagrad without weight_decay do");
}

}  // namespace optibridge::torch_bridge
