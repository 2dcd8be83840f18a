// Variables and an optimizer of the TensorFlow bridge, for tests.
#pragma once

#include <cmath>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "check.h"
#include "outcome.h"
#include "tensorflow/ob_tensorflow.h"

namespace ob_test {

constexpr int kShaped = 0;
constexpr int kFlat = 1;
constexpr int kMerged = 2;

// Some tensors of one dimension, float32, in TensorFlow's memory.
struct Variables {
  Variables(const std::vector<int64_t>& sizes, int layout)
      : numels(sizes), addresses(sizes.size()) {
    const std::vector<int32_t> dtypes(sizes.size(), OB_FLOAT32);
    const std::vector<int32_t> dims(sizes.size(), 1);
    CHECK(Outcome(ob_tf_variables_create(static_cast<int64_t>(sizes.size()), dtypes.data(),
                                         dims.data(), sizes.data(), layout, "CPU:0",
                                         addresses.data(), &handle))
              .ok());
  }
  ~Variables() { ob_tf_variables_destroy(handle); }
  Variables(const Variables&) = delete;
  Variables& operator=(const Variables&) = delete;

  float* at(size_t tensor) const { return reinterpret_cast<float*>(addresses[tensor]); }
  void set(double value) const {
    for (size_t i = 0; i < numels.size(); i++) {
      for (int64_t j = 0; j < numels[i]; j++) at(i)[j] = static_cast<float>(value);
    }
  }

  std::vector<int64_t> numels;
  std::vector<int64_t> addresses;
  ob_tf_variables* handle = nullptr;
};

// Gradients as neighbours in one aligned block, each at the next multiple of 64 bytes after
// `shift` bytes.
struct Gradients {
  explicit Gradients(const std::vector<int64_t>& sizes, size_t shift = 0) {
    size_t bytes = shift;
    for (const int64_t size : sizes) bytes += padded(size);
    memory.reset(static_cast<char*>(std::aligned_alloc(64, bytes + 64 - bytes % 64)));
    size_t at = shift;
    shapes = sizes;
    for (size_t i = 0; i < sizes.size(); i++) {
      auto* data = reinterpret_cast<float*>(memory.get() + at);
      for (int64_t j = 0; j < sizes[i]; j++) {
        data[j] = static_cast<float>(std::sin(1.0 + static_cast<double>(i) * 1.7 + 0.37 * j));
      }
      tensors.push_back({data, sizes[i], &shapes[i], "gradient", 1, OB_FLOAT32, OB_CPU, 0, 0});
      at += padded(sizes[i]);
    }
  }
  const float* at(size_t tensor) const { return static_cast<float*>(tensors[tensor].data); }

  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };
  static size_t padded(int64_t size) { return (static_cast<size_t>(size) * 4 + 63) / 64 * 64; }

  std::unique_ptr<char, Free> memory;
  std::vector<int64_t> shapes;
  std::vector<ob_tensor> tensors;
};

// An optimizer that is bound to all of these.
struct Run {
  Run(const char* class_name, const std::vector<int64_t>& sizes, int layout, size_t shift = 0)
      : weights(sizes, layout), gradients(sizes, shift) {
    const char* names =
        "beta_1\nbeta_2\nepsilon\namsgrad\ninitial_accumulator_value\nwarmup_steps\nmomentum";
    const double values[] = {0.9, 0.99, 1e-7, 0, 0.1, 0, 0};
    CHECK(Outcome(ob_tf_create(class_name, names, values, 7, &optimizer)).ok());
    const std::string names_of = ob_tf_slots(optimizer);
    int32_t count = names_of.empty() ? 0 : 1;
    for (const char c : names_of) count += c == '\n' ? 1 : 0;
    for (int32_t i = 0; i < count; i++) {
      slots.push_back(std::make_unique<Variables>(sizes, layout));
      slots.back()->set(ob_tf_slot_initial(optimizer, i));
    }
  }
  ~Run() { ob_tf_destroy(optimizer); }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  Outcome bind() {
    std::vector<int64_t> addresses;
    for (const auto& slot : slots) addresses.push_back(reinterpret_cast<int64_t>(slot->handle));
    return Outcome(ob_tf_bind(optimizer, weights.handle, addresses.data(),
                              static_cast<int32_t>(addresses.size()), gradients.tensors.data(),
                              static_cast<int64_t>(gradients.tensors.size()), nullptr));
  }
  Outcome step(double lr, int64_t number) { return Outcome(ob_tf_step(optimizer, lr, number)); }

  Variables weights;
  Gradients gradients;
  std::vector<std::unique_ptr<Variables>> slots;
  ob_tf_optimizer* optimizer = nullptr;
};

}  // namespace ob_test
