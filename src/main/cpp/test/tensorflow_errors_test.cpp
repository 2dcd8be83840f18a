// What the TensorFlow bridge refuses, and how it is said.
#include "tensorflow_support.h"

namespace ob_test {
namespace {

void refused(const Outcome& outcome, int32_t code, const char* text) {
  CHECK(outcome.code == code);
  CHECK(outcome.says(text));
}

// Before TensorFlow starts they can be chosen, afterwards not.
void threads_before() {
  refused(Outcome(ob_tf_set_threads(1, 0)), OB_INVALID, "at least one thread");
  refused(Outcome(ob_tf_set_threads(-1, 1)), OB_INVALID, "at least one thread");
  CHECK(Outcome(ob_tf_set_threads(3, 1)).ok());
  CHECK(Outcome(ob_tf_set_threads(2, 1)).ok());
}

void threads_after() {
  CHECK(Outcome(ob_tf_set_threads(2, 1)).ok());
  refused(Outcome(ob_tf_set_threads(3, 1)), OB_UNSUPPORTED, "runs already");
}

void creation() {
  ob_tf_optimizer* optimizer = nullptr;
  const double value = 0.9;
  refused(Outcome(ob_tf_create("Adamm", "beta_1", &value, 1, &optimizer)), OB_INVALID, "Adamm");
  refused(Outcome(ob_tf_create("Adam", "beta_1", &value, 1, &optimizer)), OB_INVALID, "amsgrad");
  refused(Outcome(ob_tf_create("Adam", "", &value, 1, &optimizer)), OB_INVALID,
          "fewer option names");
  refused(Outcome(ob_tf_create(nullptr, "", nullptr, 0, &optimizer)), OB_INVALID, "null");
  CHECK(optimizer == nullptr);
  CHECK(ob_tf_slot_kind(nullptr, 0) == -1);
  CHECK(std::string(ob_tf_slots(nullptr)).empty());
  refused(Outcome(ob_tf_step(nullptr, 1, 1)), OB_INVALID, "null");
}

void memory() {
  const int32_t dtype = OB_FLOAT32;
  const int32_t half = OB_FLOAT16;
  const int32_t dims = 1;
  const int32_t many = 2;
  const int64_t negative = -1;
  const int64_t huge[] = {int64_t{1} << 40, int64_t{1} << 40};
  const int64_t size = 3;
  int64_t address[1];
  ob_tf_variables* made = nullptr;
  const auto create = [&](const int32_t* type, const int32_t* rank, const int64_t* shape,
                          int32_t layout, const char* device = "CPU:0") {
    return Outcome(ob_tf_variables_create(1, type, rank, shape, layout, device, address, &made));
  };
  refused(create(&dtype, &dims, &negative, 0), OB_INVALID, "negative extent");
  refused(create(&half, &dims, &size, 0), OB_UNSUPPORTED, "float32 and float64");
  refused(create(&dtype, &dims, &size, 3), OB_INVALID, "layout");
  refused(create(&dtype, &many, huge, 0), OB_OUT_OF_MEMORY, "memory");
  refused(create(&dtype, &dims, &size, 0, "GPU:7"), OB_FRAMEWORK, "GPU:7");
  CHECK(made == nullptr);
}

void bindings() {
  Run run("Adam", {5, 7}, kFlat);
  refused(run.step(0.1, 1), OB_INVALID, "nothing is bound");
  CHECK(run.bind().ok());
  refused(run.step(0.1, 0), OB_INVALID, "count from 1");
  auto& gradient = run.gradients.tensors[1];
  const auto spoiled = [&](auto& field, auto wrong, int32_t code, const char* text) {
    const auto right = field;
    field = wrong;
    refused(run.bind(), code, text);
    field = right;
    refused(run.step(0.1, 1), OB_INVALID, "nothing is bound");
    CHECK(run.bind().ok());
  };
  spoiled(gradient.numel, int64_t{6}, OB_INVALID, "'gradient' is not of its parameter's size");
  spoiled(gradient.dtype, int32_t{OB_FLOAT64}, OB_INVALID, "size and dtype");
  spoiled(gradient.device_type, int32_t{OB_CUDA}, OB_UNSUPPORTED, "not in host memory");
  run.slots.pop_back();
  refused(run.bind(), OB_INVALID, "slots");
}

void exceptions() {
  const int32_t codes[] = {OB_OK,       OB_OUT_OF_MEMORY, OB_INVALID,
                           OB_INTERNAL, OB_INTERNAL,      OB_FRAMEWORK};
  for (int32_t kind = 0; kind < 6; kind++) {
    CHECK(Outcome(ob_tf_raise_for_test(kind)).code == codes[kind]);
  }
}

}  // namespace
}  // namespace ob_test

int main() {
  ob_test::threads_before();
  ob_test::creation();
  ob_test::memory();
  ob_test::bindings();
  ob_test::exceptions();
  ob_test::threads_after();
  return ob_test::result();
}
