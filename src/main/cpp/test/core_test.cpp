// The core without a JVM: memory, errors and sweeps against plain loops.
#include <cmath>
#include <cstring>
#include <vector>

#include "core/ob_core.h"
#include "test/check.h"

namespace {

ob_tensor tensor(void* data, int64_t numel, int32_t dtype) {
  static const int64_t kShape[] = {0};
  return {data, numel, kShape, "t", 0, dtype, OB_CPU, 0, 0};
}

void fails_with(ob_result result, int32_t code) {
  auto* error = reinterpret_cast<ob_error*>(result);
  CHECK(error != nullptr);
  if (error != nullptr) {
    CHECK(ob_error_code(error) == code);
    CHECK(std::strlen(ob_error_message(error)) > 0);
    ob_error_free(error);
  }
}

void memory() {
  const int64_t before = ob_counter(OB_LIVE_BYTES);
  for (const int64_t bytes : {int64_t{0}, int64_t{1}, int64_t{100}, int64_t{5} << 20}) {
    void* address = nullptr;
    CHECK(ob_alloc(bytes, &address) == 0);
    CHECK(reinterpret_cast<uintptr_t>(address) % 64 == 0);
    const auto* data = static_cast<const char*>(address);
    CHECK(bytes == 0 || (data[0] == 0 && data[bytes - 1] == 0));
    CHECK(ob_counter(OB_LIVE_BYTES) == before + bytes);
    if (bytes > 0) {
      std::memset(address, 1, static_cast<size_t>(bytes));
    }
    ob_free(address);
  }
  CHECK(ob_counter(OB_LIVE_BYTES) == before);
  void* none = nullptr;
  fails_with(ob_alloc(-1, &none), OB_OUT_OF_MEMORY);
  fails_with(ob_alloc(INT64_MAX / 2, &none), OB_OUT_OF_MEMORY);
}

void errors() {
  CHECK(ob_raise_for_test(0) == 0);
  fails_with(ob_raise_for_test(1), OB_OUT_OF_MEMORY);
  fails_with(ob_raise_for_test(2), OB_INVALID);
  fails_with(ob_raise_for_test(3), OB_INTERNAL);
  fails_with(ob_raise_for_test(4), OB_INTERNAL);
}

struct Node {
  int32_t op, a, b;
  double constant;
};

ob_result sweep(const std::vector<Node>& nodes, const std::vector<const ob_tensor*>& vectors,
                double* results) {
  std::vector<int32_t> code;
  std::vector<double> constants;
  for (const Node& node : nodes) {
    code.insert(code.end(), {node.op, node.a, node.b, 0});
    constants.push_back(node.constant);
  }
  std::vector<int64_t> tables;
  for (const ob_tensor* vector : vectors) {
    tables.push_back(reinterpret_cast<int64_t>(vector));
  }
  return ob_sweep(code.data(), constants.data(), static_cast<int32_t>(nodes.size()), tables.data(),
                  static_cast<int32_t>(tables.size()), 1, nullptr, nullptr, results);
}

// x = x + 2 (x - y) / ||y||, and the norm as a result.
template <class T>
void scaled_step(int64_t numel, int32_t dtype) {
  std::vector<T> x(static_cast<size_t>(numel)), y(x.size()), expected(x.size());
  double squares = 0;
  for (size_t i = 0; i < x.size(); i++) {
    x[i] = static_cast<T>(std::sin(static_cast<double>(i)));
    y[i] = static_cast<T>(std::cos(static_cast<double>(i)));
    squares += static_cast<double>(y[i]) * static_cast<double>(y[i]);
  }
  const T factor = static_cast<T>(2 / std::sqrt(squares));
  for (size_t i = 0; i < x.size(); i++) {
    expected[i] = x[i] + factor * (x[i] - y[i]);
  }
  const ob_tensor vx = tensor(x.data(), numel, dtype);
  const ob_tensor vy = tensor(y.data(), numel, dtype);
  const std::vector<Node> program = {
      {OB_LOAD, 0, 0, 0},     {OB_LOAD, 1, 0, 0},     {OB_SUM_SQUARES_ALL, 1, 0, 0},
      {OB_SQRT, 2, 0, 0},     {OB_CONSTANT, 0, 0, 2}, {OB_DIVIDE, 4, 3, 0},
      {OB_SUBTRACT, 0, 1, 0}, {OB_MULTIPLY, 5, 6, 0}, {OB_ADD, 0, 7, 0},
      {OB_STORE, 8, 0, 0},    {OB_RESULT, 3, 0, 0}};
  double norm = 0;
  CHECK(sweep(program, {&vx, &vy}, &norm) == 0);
  CHECK_NEAR(norm, std::sqrt(squares), 1e-9 * (1 + norm));
  for (size_t i = 0; i < x.size(); i++) {
    CHECK_NEAR(x[i], expected[i], dtype == OB_FLOAT32 ? 1e-6 : 1e-14);
  }
}

void refuses_bad_programs() {
  float value = 0;
  const ob_tensor v = tensor(&value, 1, OB_FLOAT32);
  double result = 0;
  fails_with(sweep({{99, 0, 0, 0}}, {&v}, &result), OB_INVALID);
  fails_with(sweep({{OB_NEGATE, 0, 0, 0}}, {&v}, &result), OB_INVALID);
  fails_with(sweep({{OB_LOAD, 3, 0, 0}}, {&v}, &result), OB_INVALID);
}

}  // namespace

int main() {
  memory();
  errors();
  for (const int64_t numel : {1, 3, 63, 65, 1024, 1025, 300001}) {
    for (const int32_t threads : {1, 2, 3}) {
      ob_set_threads(threads);
      scaled_step<float>(numel, OB_FLOAT32);
      scaled_step<double>(numel, OB_FLOAT64);
    }
  }
  refuses_bad_programs();
  return ob_test::result();
}
