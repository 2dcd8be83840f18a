// Keras's Muon: momentum whose matrices are orthogonalized, and Adam for all that is no matrix or
// is excluded by name. A tensor belongs to Adam if it has a second moment, as in Keras.
#include <algorithm>

#include "tensorflow/algorithm.h"
#include "tensorflow/formula.h"

namespace optibridge::tensorflow_bridge {
namespace {

class Muon : public Algorithm {
 public:
  explicit Muon(const Options& options) : options_(options) {}

  std::vector<SlotSpec> slots() const override {
    return {{"momentum"}, {"velocity", SlotSpec::OF_ADAM}};
  }
  bool elementwise() const override { return false; }

  Call call(TF_DataType, size_t) const override {
    throw std::logic_error("Muon's step depends on the shape");
  }

  Call call_for(TF_DataType dtype, const Shape& shape,
                const std::vector<Shape>& slots) const override {
    if (slots.at(1) == shape) {
      return call_of(name("adam", dtype), dtype, "wg01", adam_scalars(dtype, 1, 1).size(),
                     write_adam);
    }
    if (shape.size() != 2) throw std::invalid_argument("Muon orthogonalizes matrices only");
    const int steps = std::max(0, static_cast<int>(options_.get("ns_steps")));
    const bool nesterov = options_.flag("nesterov");
    const bool adjusts = options_.get("rms_rate") != 0;
    const bool tall = shape[0] > shape[1];
    const std::string form = std::to_string(steps) + (nesterov ? "_nesterov" : "") +
                             (adjusts ? "_adjusted" : "") + (tall ? "_tall" : "");
    // Adam's scalars come first.
    const size_t before = adam_scalars(dtype, 1, 1).size();
    return call_of(name(form, dtype), dtype, "wg0", before + muon_scalars(1).size(),
                   [=](Formula& f, const Values& in, const Values& all) {
                     const Values s(all.begin() + static_cast<std::ptrdiff_t>(before), all.end());
                     write_muon(f, in, s, {steps, nesterov, adjusts, tall});
                   });
  }

  std::vector<double> scalars(TF_DataType dtype, double lr, int64_t step) override {
    std::vector<double> all = adam_scalars(dtype, lr, step);
    for (const double scalar : muon_scalars(lr)) all.push_back(scalar);
    return all;
  }

 private:
  struct Form {
    int steps;
    bool nesterov;
    bool adjusts;
    bool tall;
  };

  static std::string name(const std::string& form, TF_DataType dtype) {
    return "optibridge_Muon_" + form + (dtype == TF_FLOAT ? "_float32" : "_float64");
  }

  std::vector<double> adam_scalars(TF_DataType dtype, double lr, int64_t step) const {
    const auto t = static_cast<double>(step);
    // The rate is a float32 in Keras, and so is its product with the ratio.
    const double rate = static_cast<float>(static_cast<float>(lr) *
                                           static_cast<float>(options_.get("adam_lr_ratio")));
    const double first = one_minus(dtype, power_in(dtype, options_.cast("adam_beta_1"), t));
    const double second = one_minus(dtype, power_in(dtype, options_.cast("adam_beta_2"), t));
    const double root = narrowed(dtype, std::sqrt(second));
    return {narrowed(dtype, narrowed(dtype, rate * root) / first), 1 - options_.get("adam_beta_1"),
            1 - options_.get("adam_beta_2"), options_.get("epsilon")};
  }

  static void write_adam(Formula& f, const Values& in, const Values& s) {
    const Value w = in[0];
    const Value g = in[1];
    f.add(in[2], (g - f.read(in[2])) * s[1]);
    f.add(in[3], (square(g) - f.read(in[3])) * s[2]);
    f.subtract(w, f.read(in[2]) * s[0] / (sqrt(f.read(in[3])) + s[3]));
  }

  std::vector<double> muon_scalars(double lr) const {
    const double momentum = options_.get("momentum");
    return {lr,
            momentum - 1,
            momentum,
            options_.get("muon_a"),
            options_.get("muon_b"),
            options_.get("muon_c"),
            options_.get("rms_rate")};
  }

  static void write_muon(Formula& f, const Values& in, const Values& s, const Form& form) {
    const Value w = in[0];
    const Value g = in[1];
    const Value m = in[2];
    f.add(m, g + f.read(m) * s[1]);
    Value x = form.nesterov ? g + f.read(m) * s[2] : f.read(m);
    // The iteration multiplies by the smaller of the two squares.
    if (form.tall) x = f.transpose(x);
    x = x / (sqrt(f.reduce("Sum", square(x), {0, 1}, true)) + f.constant(1e-7));
    for (int step = 0; step < form.steps; step++) {
      const Value a = f.product(x, x, true);
      const Value b = a * s[4] + f.product(a * s[5], a);
      x = x * s[3] + f.product(b, x);
    }
    if (form.tall) x = f.transpose(x);
    Value update = x * s[0];
    if (form.adjusts) update = update * sqrt(f.largest_extent(x)) * s[6];
    f.subtract(w, update);
  }

  Options options_;
};

}  // namespace

std::unique_ptr<Algorithm> make_muon(const Options& options) {
  return options.class_name() == "Muon" ? std::make_unique<Muon>(options) : nullptr;
}

}  // namespace optibridge::tensorflow_bridge
