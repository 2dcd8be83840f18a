// The optimizers that one ResourceApply* kernel of TensorFlow steps.
#include "tensorflow/algorithm.h"

namespace optibridge::tensorflow_bridge {
namespace {

constexpr SlotSpec::Kind kWorkspace = SlotSpec::WORKSPACE;

class Kernel : public Algorithm {
 public:
  using Scalars = std::vector<double> (*)(const Options&, TF_DataType, double, int64_t);

  Kernel(Options options, std::vector<SlotSpec> slots, Call call, Scalars scalars)
      : options_(std::move(options)),
        slots_(std::move(slots)),
        call_(std::move(call)),
        scalars_(scalars) {}

  std::vector<SlotSpec> slots() const override { return slots_; }
  bool rows_are_enough() const override { return call_.op == "ResourceApplyGradientDescent"; }
  Call call(TF_DataType, size_t) const override { return call_; }
  std::vector<double> scalars(TF_DataType dtype, double lr, int64_t step) override {
    return scalars_(options_, dtype, lr, step);
  }

 private:
  Options options_;
  std::vector<SlotSpec> slots_;
  Call call_;
  Scalars scalars_;
};

using Made = std::unique_ptr<Algorithm>;

Made sgd(const Options& o) {
  if (o.get("momentum") == 0) {
    return std::make_unique<Kernel>(
        o, std::vector<SlotSpec>{}, Call{"ResourceApplyGradientDescent", "wsg", {}},
        [](const Options&, TF_DataType, double lr, int64_t) { return std::vector<double>{lr}; });
  }
  return std::make_unique<Kernel>(
      o, std::vector<SlotSpec>{{"momentum"}},
      Call{"ResourceApplyKerasMomentum", "w0sgs", {{"use_nesterov", o.flag("nesterov")}}},
      [](const Options& of, TF_DataType, double lr, int64_t) {
        return std::vector<double>{lr, of.cast("momentum")};
      });
}

// A kernel takes 1 - beta in the dtype of the variable, Keras in float64: 1 - 0.999 differs by
// 1.3e-5 in float32. A moment of the kernel's is this times Keras's.
double moment_scale(const Options& o, TF_DataType dtype, const char* beta) {
  const double exact = narrowed(dtype, 1 - o.get(beta));
  const double ratio = one_minus(dtype, narrowed(dtype, o.get(beta))) / exact;
  return std::isfinite(ratio) && ratio > 0 ? ratio : 1;
}

std::vector<double> adam_scalars(const Options& o, TF_DataType dtype, double lr, int64_t step) {
  const auto t = static_cast<double>(step);
  const double root = std::sqrt(moment_scale(o, dtype, "beta_2"));
  return {power_in(dtype, o.cast("beta_1"), t),
          power_in(dtype, o.cast("beta_2"), t),
          lr * root / moment_scale(o, dtype, "beta_1"),
          o.get("beta_1"),
          o.get("beta_2"),
          o.get("epsilon") * root};
}

Made adam(const Options& o) {
  std::vector<SlotSpec> slots{{"momentum"}, {"velocity"}};
  if (!o.flag("amsgrad")) {
    return std::make_unique<Kernel>(o, slots, Call{"ResourceApplyAdam", "w01ssssssg", {}},
                                    adam_scalars);
  }
  slots.push_back({"velocity_hat"});
  return std::make_unique<Kernel>(o, slots, Call{"ResourceApplyAdamWithAmsgrad", "w012ssssssg", {}},
                                  adam_scalars);
}

Made adamax(const Options& o) {
  return std::make_unique<Kernel>(
      o, std::vector<SlotSpec>{{"momentum"}, {"norm"}},
      Call{"ResourceApplyAdaMax", "w01sssssg", {}},
      [](const Options& of, TF_DataType dtype, double lr, int64_t step) {
        return std::vector<double>{power_in(dtype, of.cast("beta_1"), static_cast<double>(step)),
                                   lr / moment_scale(of, dtype, "beta_1"), of.get("beta_1"),
                                   of.get("beta_2"), of.get("epsilon")};
      });
}

Made adadelta(const Options& o) {
  return std::make_unique<Kernel>(
      o, std::vector<SlotSpec>{{"accumulated_grad"}, {"accumulated_delta_var"}},
      Call{"ResourceApplyAdadelta", "w01sssg", {}},
      [](const Options& of, TF_DataType, double lr, int64_t) {
        return std::vector<double>{lr, of.get("rho"), of.get("epsilon")};
      });
}

Made rmsprop(const Options& o) {
  const SlotSpec momentum{"momentum",
                          o.get("momentum") > 0 ? SlotSpec::LIKE_PARAMETER : kWorkspace};
  const Kernel::Scalars scalars = [](const Options& of, TF_DataType, double lr, int64_t) {
    // Keras has no momentum unless it is above 0.
    return std::vector<double>{lr, of.get("rho"), std::max(0.0, of.get("momentum")),
                               of.get("epsilon")};
  };
  if (!o.flag("centered")) {
    return std::make_unique<Kernel>(o, std::vector<SlotSpec>{{"velocity"}, momentum},
                                    Call{"ResourceApplyRMSProp", "w01ssssg", {}}, scalars);
  }
  return std::make_unique<Kernel>(
      o, std::vector<SlotSpec>{{"average_gradient"}, {"velocity"}, momentum},
      Call{"ResourceApplyCenteredRMSProp", "w012ssssg", {}}, scalars);
}

Made ftrl(const Options& o) {
  const double initial = o.cast("initial_accumulator_value");
  return std::make_unique<Kernel>(
      o, std::vector<SlotSpec>{{"accumulator", SlotSpec::LIKE_PARAMETER, initial}, {"linear"}},
      Call{"ResourceApplyFtrlV2", "w01gsssss", {}},
      [](const Options& of, TF_DataType, double lr, int64_t) {
        return std::vector<double>{lr, of.get("l1_regularization_strength"),
                                   of.get("l2_regularization_strength") + of.get("beta") / (2 * lr),
                                   of.get("l2_shrinkage_regularization_strength"),
                                   of.get("learning_rate_power")};
      });
}

}  // namespace

std::unique_ptr<Algorithm> make_kernel(const Options& options) {
  const std::string& name = options.class_name();
  if (name == "SGD") return sgd(options);
  if (name == "Adam" || name == "AdamW") return adam(options);
  if (name == "Adamax") return adamax(options);
  if (name == "Adadelta") return adadelta(options);
  if (name == "RMSprop") return rmsprop(options);
  if (name == "Ftrl") return ftrl(options);
  return nullptr;
}

std::unique_ptr<Algorithm> make_algorithm(const Options& options) {
  std::unique_ptr<Algorithm> made = make_kernel(options);
  if (made == nullptr) made = make_formula(options);
  if (made == nullptr) made = make_muon(options);
  if (made == nullptr) made = make_imported(options);
  if (made == nullptr) {
    throw std::invalid_argument("there is no optimizer keras.optimizers." + options.class_name());
  }
  return made;
}

}  // namespace optibridge::tensorflow_bridge
