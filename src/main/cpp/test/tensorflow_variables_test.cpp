// Memory that TensorFlow must not move, and that it is noticed if it does.
#include <cstring>
#include <stdexcept>

#include "check.h"
#include "tensorflow/variables.h"

namespace tfb = optibridge::tensorflow_bridge;

namespace {

const std::vector<int64_t> kShape = {4, 8};

void descend(const tfb::Variable& variable, const tfb::Handle& gradient) {
  tfb::Op op("ResourceApplyGradientDescent");
  op.begin().input(variable.resource()).input(tfb::scalar(TF_FLOAT, 0.5)).input(gradient).run();
}

bool moved(const tfb::Variable& variable) {
  try {
    variable.check_in_place("w");
    return false;
  } catch (const std::logic_error& e) {
    CHECK(std::strstr(e.what(), "moved the memory of 'w'") != nullptr);
    return true;
  }
}

}  // namespace

int main() {
  alignas(64) float ones[32];
  for (float& one : ones) one = 1;
  CHECK(tfb::aligned(ones));
  CHECK(!tfb::aligned(ones + 1));
  const tfb::Handle gradient = tfb::borrow(TF_FLOAT, kShape, ones);

  tfb::Variable variable(TF_FLOAT, kShape, tfb::kHost);
  const auto* data = static_cast<const float*>(variable.data());
  for (int i = 0; i < 3; i++) descend(variable, gradient);
  CHECK(!moved(variable));
  CHECK(data[0] == -1.5F && data[31] == -1.5F);

  // What somebody has read is not written to: the kernel takes other memory.
  const tfb::Handle held =
      tfb::Op("ReadVariableOp").input(variable.resource()).type("dtype", TF_FLOAT).run_for_one();
  CHECK(!moved(variable));
  descend(variable, gradient);
  CHECK(moved(variable));
  CHECK(data[0] == -1.5F);

  tfb::Variable nothing(TF_DOUBLE, {0}, tfb::kHost);
  CHECK(nothing.data() != nullptr && nothing.bytes() == 0 && !moved(nothing));
  return ob_test::result();
}
