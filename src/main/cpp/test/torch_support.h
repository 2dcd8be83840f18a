// An optimizer of the torch bridge with the memory it works on, for tests.
#pragma once

#include <cmath>
#include <deque>
#include <string>
#include <vector>

#include "check.h"
#include "outcome.h"
#include "torch/ob_torch.h"

namespace ob_test {

struct Configuration {
  const char* class_name;
  const char* options;
  std::vector<double> values;
};

inline Outcome create(const Configuration& c, int fused, ob_torch_optimizer** out) {
  return Outcome(ob_torch_create(c.class_name, fused, c.options, c.values.data(),
                                 static_cast<int32_t>(c.values.size()), out));
}

// Odd sizes, an empty tensor and a scalar.
inline const std::vector<std::vector<int64_t>>& shapes() {
  static const std::vector<std::vector<int64_t>> all = {{1}, {3}, {63}, {5, 13}, {0}, {}};
  return all;
}

// One tensor for each shape.
template <class T>
class Vector {
 public:
  Vector() {
    for (const auto& shape : shapes()) {
      int64_t numel = 1;
      for (int64_t extent : shape) numel *= extent;
      data.emplace_back(numel, T(0));
      names.push_back("t" + std::to_string(names.size()));
    }
  }
  // Values in (-1, 1) that depend on the seed.
  void fill(int seed) {
    int position = 0;
    for (auto& tensor : data) {
      for (auto& x : tensor) x = static_cast<T>(std::sin(1.0 + seed * 1.7 + 0.37 * position++));
    }
  }
  void set(double value) {
    for (auto& tensor : data) tensor.assign(tensor.size(), static_cast<T>(value));
  }
  std::vector<ob_tensor> tensors(bool scalars = false) {
    std::vector<ob_tensor> all;
    for (size_t i = 0; i < data.size(); ++i) {
      const auto& shape = shapes()[i];
      if (scalars) data[i].resize(1);
      all.push_back({data[i].data(), static_cast<int64_t>(data[i].size()),
                     scalars ? nullptr : shape.data(), names[i].c_str(),
                     scalars ? 0 : static_cast<int32_t>(shape.size()),
                     sizeof(T) == 4 ? OB_FLOAT32 : OB_FLOAT64, OB_CPU, 0, 0});
    }
    return all;
  }

  std::vector<std::vector<T>> data;
  std::deque<std::string> names;
};

template <class T>
class Run {
 public:
  Run(const Configuration& configuration, int fused) {
    CHECK(create(configuration, fused, &optimizer).ok());
    if (optimizer == nullptr) return;
    const std::string names = ob_torch_slots(optimizer);
    CHECK(names.substr(0, 4) == "step");
    int count = 0;
    for (char c : names) count += c == '\n';
    slots.resize(count);
    for (int s = 0; s < count; ++s) slots[s].set(ob_torch_slot_initial(optimizer, s + 1));
    step.set(0);
    params.fill(0);
    bind();
  }
  ~Run() { ob_torch_destroy(optimizer); }
  Run(const Run&) = delete;

  void bind() {
    std::vector<std::vector<ob_tensor>> arrays = {step.tensors(true)};
    for (auto& slot : slots) arrays.push_back(slot.tensors());
    std::vector<int64_t> addresses;
    for (auto& array : arrays) addresses.push_back(reinterpret_cast<int64_t>(array.data()));
    const auto p = params.tensors();
    const auto g = grads.tensors();
    CHECK(Outcome(ob_torch_bind(optimizer, p.data(), g.data(), addresses.data(),
                                static_cast<int32_t>(addresses.size()), p.size()))
              .ok());
  }
  // The same contents in other memory; the old memory is gone afterwards.
  void move() {
    const auto elsewhere = [](auto& vector) {
      auto copy = vector.data;
      vector.data.swap(copy);
    };
    elsewhere(params);
    elsewhere(grads);
    elsewhere(step);
    for (auto& slot : slots) elsewhere(slot);
    bind();
  }
  void run(int from, int to, double lr = 0.01) {
    for (int i = from; i < to; ++i) {
      grads.fill(100 + i);
      CHECK(Outcome(ob_torch_step(optimizer, lr)).ok());
    }
  }

  ob_torch_optimizer* optimizer = nullptr;
  Vector<T> params, grads;
  std::vector<Vector<T>> slots;
  Vector<float> step;
};

template <class T>
bool same(const Vector<T>& a, const Vector<T>& b) {
  return a.data == b.data;
}

template <class T>
void check_near(const Vector<T>& a, const Vector<T>& b, double tol) {
  for (size_t i = 0; i < a.data.size(); ++i) {
    for (size_t j = 0; j < a.data[i].size(); ++j) CHECK_NEAR(a.data[i][j], b.data[i][j], tol);
  }
}

inline const char* const SGD = "momentum\ndampening\nweight_decay\nnesterov\nmaximize";
inline const char* const ADAM = "beta1\nbeta2\neps\nweight_decay\namsgrad\nmaximize";
inline const char* const ADAGRAD =
    "lr_decay\nweight_decay\ninitial_accumulator_value\neps\nmaximize";
inline const char* const RMSPROP = "alpha\neps\nweight_decay\nmomentum\ncentered\nmaximize";

inline std::vector<Configuration> with_fused_kernel() {
  return {{"SGD", SGD, {0, 0, 0, 0, 0}},
          {"SGD", SGD, {0, 0, 0.1, 0, 0}},
          {"SGD", SGD, {0.9, 0, 0, 0, 0}},
          {"SGD", SGD, {0.9, 0.3, 0.05, 0, 0}},
          {"SGD", SGD, {0.8, 0, 0.01, 1, 0}},
          {"Adam", ADAM, {0.9, 0.999, 1e-8, 0, 0, 0}},
          {"Adam", ADAM, {0.8, 0.95, 1e-6, 0.1, 1, 0}},
          {"AdamW", ADAM, {0.9, 0.999, 1e-8, 0.01, 0, 0}},
          {"AdamW", ADAM, {0.7, 0.9, 1e-6, 0.2, 1, 0}},
          {"Adagrad", ADAGRAD, {0, 0, 0, 1e-10, 0}},
          {"Adagrad", ADAGRAD, {0.1, 0.05, 0.5, 1e-8, 0}}};
}

inline std::vector<Configuration> without_fused_kernel() {
  return {{"RMSprop", RMSPROP, {0.99, 1e-8, 0, 0, 0, 0}},
          {"RMSprop", RMSPROP, {0.9, 1e-6, 0.1, 0.8, 0, 0}},
          {"RMSprop", RMSPROP, {0.9, 1e-6, 0, 0, 1, 0}},
          {"RMSprop", RMSPROP, {0.9, 1e-6, 0.1, 0.8, 1, 0}}};
}

}  // namespace ob_test
