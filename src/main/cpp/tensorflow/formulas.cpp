// The optimizers that no kernel of TensorFlow's steps: each is one function made of kernels. A
// function is the same for all options, which are among its inputs, so that there are few.
#include <algorithm>
#include <numeric>

#include "tensorflow/algorithm.h"
#include "tensorflow/formula.h"

namespace optibridge::tensorflow_bridge {
namespace {

using Slots = Values;

class FormulaAlgorithm : public Algorithm {
 public:
  explicit FormulaAlgorithm(const Options& options, int scalar_count)
      : options_(options), scalar_count_(scalar_count) {}

  Call call(TF_DataType dtype, size_t rank) const override {
    const size_t form = elementwise() ? 1 : rank;
    const std::string name = "optibridge_" + options_.class_name() + "_" +
                             (dtype == TF_FLOAT ? "float32" : "float64") + "_" +
                             std::to_string(form);
    std::string inputs = "wg";
    for (size_t i = 0; i < slots().size(); i++) inputs.push_back(static_cast<char>('0' + i));
    return call_of(name, dtype, inputs, static_cast<size_t>(scalar_count_),
                   [&](Formula& f, const Values& in, const Values& scalars) {
                     write(f, form, in[0], in[1], Slots(in.begin() + 2, in.end()), scalars);
                   });
  }

 protected:
  virtual void write(Formula& f, size_t rank, Value w, Value g, const Slots& slot,
                     const Slots& s) const = 0;
  // Moves an average towards a value: average += (value - average) * share.
  static void average(Formula& f, Value average, Value value, Value share) {
    f.add(average, (value - f.read(average)) * share);
  }

  Options options_;

 private:
  int scalar_count_;
};

// v += g^2; w -= lr g / sqrt(v + epsilon)
class Adagrad : public FormulaAlgorithm {
 public:
  explicit Adagrad(const Options& options) : FormulaAlgorithm(options, 2) {}
  std::vector<SlotSpec> slots() const override {
    return {{"accumulator", SlotSpec::LIKE_PARAMETER, options_.cast("initial_accumulator_value")}};
  }
  bool rows_are_enough() const override { return true; }
  std::vector<double> scalars(TF_DataType, double lr, int64_t) override {
    return {lr, options_.get("epsilon")};
  }

 protected:
  void write(Formula& f, size_t, Value w, Value g, const Slots& slot,
             const Slots& s) const override {
    f.add(slot[0], square(g));
    f.subtract(w, g * s[0] / sqrt(f.read(slot[0]) + s[1]));
  }
};

// With u_t = beta_1 (1 - 0.96^t / 2) and P_t the product of u up to t:
// w -= lr (u_(t+1) m / (1 - P_(t+1)) + (1 - u_t) g / (1 - P_t)) / (sqrt(v / (1 - beta_2^t)) +
// epsilon)
// The first summand is what Adam's kernel does, the second what Adagrad's does, with other rates.
class Nadam : public FormulaAlgorithm {
 public:
  explicit Nadam(const Options& options) : FormulaAlgorithm(options, 5) {}
  std::vector<SlotSpec> slots() const override { return {{"momentum"}, {"velocity"}}; }
  std::vector<double> scalars(TF_DataType dtype, double lr, int64_t step) override {
    const double beta_1 = narrowed(dtype, options_.cast("beta_1"));
    const double beta_2 = narrowed(dtype, options_.cast("beta_2"));
    const double decay = narrowed(dtype, static_cast<float>(0.96));
    const auto t = static_cast<double>(step);
    const auto share = [dtype](double base, double beta, double exponent) {
      const double half = narrowed(dtype, 0.5 * power_in(dtype, base, exponent));
      return narrowed(dtype, beta * one_minus(dtype, half));
    };
    const double now = share(decay, beta_1, t);
    const double next = share(decay, beta_1, t + 1);
    const double product = product_at(dtype, step);
    const double next_product = narrowed(dtype, product * next);
    const double root = std::sqrt(one_minus(dtype, power_in(dtype, beta_2, t)));
    return {lr * root * next / one_minus(dtype, next_product),
            lr * root * one_minus(dtype, now) / one_minus(dtype, product), beta_1, beta_2,
            options_.get("epsilon") * root};
  }

 protected:
  void write(Formula& f, size_t, Value w, Value g, const Slots& slot,
             const Slots& s) const override {
    const Value zero = f.constant(0);
    f.assign("ResourceApplyAdam", {w, slot[0], slot[1], zero, zero, s[0], s[2], s[3], s[4], g});
    f.assign("ResourceApplyAdagradV2", {w, slot[1], s[1], s[4], g}, {{"update_slots", false}});
  }

 private:
  // The running product, whose factors Keras does not round to float32 first.
  double product_at(TF_DataType dtype, int64_t step) {
    int64_t& at = at_[dtype == TF_FLOAT ? 0 : 1];
    double& product = product_[dtype == TF_FLOAT ? 0 : 1];
    if (step < at) at = 0;
    if (at == 0) product = 1;
    const double beta = narrowed(dtype, options_.get("beta_1"));
    while (at < step) {
      at++;
      const double decayed = power_in(dtype, 0.96, static_cast<double>(at));
      const double factor = one_minus(dtype, narrowed(dtype, 0.5 * decayed));
      product = narrowed(dtype, narrowed(dtype, product * beta) * factor);
    }
    return product;
  }

  int64_t at_[2] = {0, 0};
  double product_[2] = {1, 1};
};

// w -= lr sign(beta_1 m + (1 - beta_1) g); m = beta_2 m + (1 - beta_2) g
class Lion : public FormulaAlgorithm {
 public:
  explicit Lion(const Options& options) : FormulaAlgorithm(options, 4) {}
  std::vector<SlotSpec> slots() const override { return {{"momentum"}}; }
  std::vector<double> scalars(TF_DataType dtype, double lr, int64_t) override {
    const double beta_1 = narrowed(dtype, options_.cast("beta_1"));
    return {lr, beta_1, one_minus(dtype, beta_1),
            one_minus(dtype, narrowed(dtype, options_.cast("beta_2")))};
  }

 protected:
  void write(Formula& f, size_t, Value w, Value g, const Slots& slot,
             const Slots& s) const override {
    f.subtract(w, sign(f.read(slot[0]) * s[1] + g * s[2]) * s[0]);
    average(f, slot[0], g, s[3]);
  }
};

std::vector<int32_t> all_axes(size_t rank) {
  std::vector<int32_t> axes(rank);
  std::iota(axes.begin(), axes.end(), 0);
  return axes;
}

// Adam's direction d with corrected moments, scaled by |w| / |d| unless a norm is 0.
class Lamb : public FormulaAlgorithm {
 public:
  explicit Lamb(const Options& options) : FormulaAlgorithm(options, 5) {}
  std::vector<SlotSpec> slots() const override { return {{"momentum"}, {"velocity"}}; }
  bool elementwise() const override { return false; }
  std::vector<double> scalars(TF_DataType dtype, double lr, int64_t step) override {
    const auto t = static_cast<double>(step);
    const double root = std::sqrt(one_minus(dtype, power_in(dtype, options_.cast("beta_2"), t)));
    return {lr, 1 - options_.get("beta_1"), 1 - options_.get("beta_2"),
            root / one_minus(dtype, power_in(dtype, options_.cast("beta_1"), t)),
            options_.get("epsilon") * root};
  }

 protected:
  void write(Formula& f, size_t, Value w, Value g, const Slots& slot,
             const Slots& s) const override {
    average(f, slot[0], g, s[1]);
    average(f, slot[1], square(g), s[2]);
    const Value d = f.read(slot[0]) * s[3] / (sqrt(f.read(slot[1])) + s[4]);
    const Value zero = f.constant(0);
    const Value one = f.constant(1);
    // Half a sum of squares in one pass; of the ratio only the root of 2 would be left, in both.
    const Value of_w = sqrt(f.op("L2Loss", {f.read(w)}));
    const Value of_d = sqrt(f.op("L2Loss", {d}));
    const Value inner = f.op("SelectV2", {f.op("Greater", {of_d, zero}), of_w / of_d, one});
    const Value ratio = f.op("SelectV2", {f.op("Greater", {of_w, zero}), inner, one});
    f.subtract(w, d * (ratio * s[0]));
  }
};

// Second moments by row and column over the last two dimensions, full below two; steps relative to
// the weights' root mean square.
class Adafactor : public FormulaAlgorithm {
 public:
  explicit Adafactor(const Options& options) : FormulaAlgorithm(options, 5) {}
  std::vector<SlotSpec> slots() const override {
    return {{"row", SlotSpec::WITHOUT_LAST},
            {"column", SlotSpec::WITHOUT_OTHER},
            {"velocity", SlotSpec::UNFACTORED}};
  }
  bool elementwise() const override { return false; }
  std::vector<double> scalars(TF_DataType dtype, double lr, int64_t step) override {
    const auto t = static_cast<double>(step);
    const double root = narrowed(dtype, 1 / narrowed(dtype, std::sqrt(t)));
    const double kept = one_minus(dtype, power_in(dtype, t, options_.get("beta_2_decay")));
    return {std::min(narrowed(dtype, lr), root), options_.get("epsilon_1"),
            options_.cast("epsilon_2"), one_minus(dtype, kept), options_.get("clip_threshold")};
  }

 protected:
  void write(Formula& f, size_t rank, Value w, Value g, const Slots& slot,
             const Slots& s) const override {
    const Value squares = square(g) + s[1];
    Value v = squares;
    if (rank < 2) {
      average(f, slot[2], squares, s[3]);
      v = f.read(slot[2]);
    } else {
      const auto last = static_cast<int32_t>(rank) - 1;
      average(f, slot[0], f.reduce("Mean", squares, {last}, false), s[3]);
      average(f, slot[1], f.reduce("Mean", squares, {last - 1}, false), s[3]);
      const Value row = f.read(slot[0]);
      const Value share = row / f.reduce("Mean", row, {last - 1}, true);
      v = f.expand(share, last) * f.expand(f.read(slot[1]), last - 1);
    }
    const Value u = g / sqrt(v);
    const Value clip = maximum(f.constant(1), rms(f, u, rank) / s[4]);
    const Value alpha = maximum(s[2], rms(f, f.read(w), rank)) * s[0];
    f.subtract(w, u / clip * alpha);
  }

 private:
  static Value rms(Formula& f, Value of, size_t rank) {
    return sqrt(f.reduce("Mean", square(of), all_axes(rank), false));
  }
};

// With y the weights and z the slot: z = z - lr g / (sqrt(v / (1 - beta_2^t)) + epsilon), which is
// Adagrad's kernel, then x = (y - (1 - beta_1) z) / beta_1 with that z, where the paper has the
// former one; x = (1 - 1/t) x + z/t; y = (1 - beta_1) z + beta_1 x. The last three come to
// y = y + (z - y) / t.
class ScheduleFreeAdamW : public FormulaAlgorithm {
 public:
  explicit ScheduleFreeAdamW(const Options& options) : FormulaAlgorithm(options, 4) {}
  std::vector<SlotSpec> slots() const override {
    return {{"momentum", SlotSpec::FROM_PARAMETER}, {"velocity"}};
  }
  std::vector<double> scalars(TF_DataType dtype, double lr, int64_t step) override {
    const auto t = static_cast<double>(step);
    const double beta_2 = narrowed(dtype, options_.cast("beta_2"));
    double rate = narrowed(dtype, lr);
    if (options_.get("warmup_steps") > 0) {
      rate *= std::min(narrowed(dtype, t / options_.get("warmup_steps")), 1.0);
    }
    const double root = std::sqrt(one_minus(dtype, power_in(dtype, beta_2, t)));
    return {rate * root, one_minus(dtype, beta_2), options_.cast("epsilon") * root, 1 / t};
  }

 protected:
  void write(Formula& f, size_t, Value w, Value g, const Slots& slot,
             const Slots& s) const override {
    average(f, slot[1], square(g), s[1]);
    f.assign("ResourceApplyAdagradV2", {slot[0], slot[1], s[0], s[2], g},
             {{"update_slots", false}});
    average(f, w, f.read(slot[0]), s[3]);
  }
};

}  // namespace

std::unique_ptr<Algorithm> make_formula(const Options& options) {
  const std::string& name = options.class_name();
  if (name == "Adagrad") return std::make_unique<Adagrad>(options);
  if (name == "Nadam") return std::make_unique<Nadam>(options);
  if (name == "Lion") return std::make_unique<Lion>(options);
  if (name == "Lamb") return std::make_unique<Lamb>(options);
  if (name == "Adafactor") return std::make_unique<Adafactor>(options);
  if (name == "ScheduleFreeAdamW") return std::make_unique<ScheduleFreeAdamW>(options);
  return nullptr;
}

}  // namespace optibridge::tensorflow_bridge
