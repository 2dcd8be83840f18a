// Programs through the C ABI: in pieces on several threads, with errors, and unfit ones.
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/export.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

// libtorch's logging has a macro of this name.
#undef CHECK
#include "torch_support.h"

namespace ob_test {
namespace {

const char* const kInputs =
    "def forward(self, param: Tensor, grad: Tensor, step: Tensor, lr: Tensor, beta: Tensor, sum: "
    "Tensor)";

std::string folder() {
  static const std::string made = [] {
    std::string name = (std::filesystem::temp_directory_path() / "optibridge-test-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder can be made: " + name);
    return name;
  }();
  return made;
}

// A program of one option and one state.
struct Program {
  Program(const std::string& text, int32_t flags, bool keeps = false) {
    const std::string path = folder() + "/step.pt";
    torch::jit::Module module("Step");
    if (keeps) module.register_attribute("seen", c10::IntType::get(), 0);
    module.define(text);
    module.save(path);
    outcome = open(path, flags);
    std::remove(path.c_str());
  }

  Outcome open(const std::string& path, int32_t flags) {
    const int32_t kind = 0;
    const double initial = 0;
    int64_t text = 0;
    const Outcome result(ob_torch_open_program(OB_PROGRAM_SCRIPT, path.c_str(), nullptr, "Test",
                                               "beta", &kind, 1, "sum", &kind, &initial, 1, flags,
                                               &text));
    class_name = ob_torch_import_text(text);
    return result;
  }

  Configuration with(double beta) const { return {class_name.c_str(), "beta", {beta}}; }

  std::string class_name;
  Outcome outcome{0};
};

const std::string kMomentum =
    std::string(kInputs) +
    " -> Tuple[Tensor, Tensor]:\n  s = beta * sum + grad\n  return param - lr * s, s\n";

template <class T>
void small_tensors(const Program& program) {
  Run<T> run(program.with(0.9), 0);
  Vector<T> params, sums;
  params.fill(0);
  for (int t = 0; t < 5; ++t) {
    Vector<T> grads;
    grads.fill(100 + t);
    for (size_t k = 0; k < params.data.size(); ++k) {
      for (size_t i = 0; i < params.data[k].size(); ++i) {
        T& sum = sums.data[k][i];
        sum = static_cast<T>(0.9) * sum + grads.data[k][i];
        params.data[k][i] -= static_cast<T>(0.01) * sum;
      }
    }
  }
  run.run(0, 5);
  check_near(run.params, params, sizeof(T) == 4 ? 1e-6 : 1e-14);
  check_near(run.slots[0], sums, sizeof(T) == 4 ? 1e-6 : 1e-14);
  run.move();
  run.run(5, 6);
  CHECK(run.step.data[0][0] == 6);
}

// Large enough for several threads; every piece must be stepped once.
void a_large_tensor(const Program& program, bool fails) {
  constexpr int64_t n = 300001;
  std::vector<float> param(n, 1), grad(n, 2), sum(n, 0);
  if (fails) grad[n - 1] = 1000;
  float step = 0;
  const auto tensor = [&](std::vector<float>& data) {
    return ob_tensor{data.data(), n, &n, "w", 1, OB_FLOAT32, OB_CPU, 0, 0};
  };
  const ob_tensor p = tensor(param), g = tensor(grad), s = tensor(sum);
  const ob_tensor count{&step, 1, nullptr, "w", 0, OB_FLOAT32, OB_CPU, 0, 0};
  const int64_t slots[] = {reinterpret_cast<int64_t>(&count), reinterpret_cast<int64_t>(&s)};
  ob_torch_optimizer* optimizer = nullptr;
  CHECK(create(program.with(0.5), 1, &optimizer).ok());
  CHECK(Outcome(ob_torch_bind(optimizer, &p, &g, slots, 2, 1)).ok());
  const Outcome outcome(ob_torch_step(optimizer, 0.25));
  if (fails) {
    CHECK(outcome.says("too steep"));
    CHECK(step == 0);
  } else {
    CHECK(outcome.ok());
    CHECK(Outcome(ob_torch_step(optimizer, 0.25)).ok());
    bool good = step == 2;
    for (int64_t i = 0; i < n; ++i) good = good && sum[i] == 3 && param[i] == -0.25f;
    CHECK(good);
  }
  ob_torch_destroy(optimizer);
}

void unfit_programs_are_refused() {
  const Program returns(std::string(kInputs) + " -> Tensor:\n  return param\n", 0);
  CHECK(returns.outcome.says("must have the method forward(param: Tensor, grad: Tensor"));
  const Program takes("def forward(self, param: Tensor) -> Tensor:\n  return param\n", 0);
  CHECK(takes.outcome.says("must have the method forward("));
  const Program keeps(kMomentum, 0, /*keeps=*/true);
  CHECK(keeps.outcome.says("keeps 'seen' in itself"));
  const std::string path = folder() + "/bytes.pt";
  std::ofstream(path) << "no archive";
  Program none(kMomentum, 0);
  CHECK(none.open(path, 0).says("the TorchScript archive can't be read"));
  std::remove(path.c_str());
  // Found when it is bound, on memory of its own.
  const Program shape(
      std::string(kInputs) + " -> Tuple[Tensor, Tensor]:\n  return param.sum(), sum\n",
      OB_PROGRAM_FLAT);
  CHECK(shape.outcome.ok());
  ob_torch_optimizer* optimizer = nullptr;
  CHECK(create(shape.with(0), 0, &optimizer).ok());
  float data[2] = {1, 2}, slope[2] = {1, 1}, sum[2] = {0, 0}, step = 0;
  const int64_t two = 2;
  const ob_tensor p{data, 2, &two, "w", 1, OB_FLOAT32, OB_CPU, 0, 0};
  const ob_tensor g{slope, 2, &two, "w", 1, OB_FLOAT32, OB_CPU, 0, 0};
  const ob_tensor s{sum, 2, &two, "w", 1, OB_FLOAT32, OB_CPU, 0, 0};
  const ob_tensor count{&step, 1, nullptr, "w", 0, OB_FLOAT32, OB_CPU, 0, 0};
  const int64_t slots[] = {reinterpret_cast<int64_t>(&count), reinterpret_cast<int64_t>(&s)};
  CHECK(Outcome(ob_torch_bind(optimizer, &p, &g, slots, 2, 1)).says("as new 'param'"));
  CHECK(data[0] == 1 && data[1] == 2);
  ob_torch_destroy(optimizer);
}

void missing_plugins_are_errors() {
  int64_t text = 0;
  CHECK(Outcome(ob_torch_open_plugin("/nowhere/libmine.so", &text)).says("can't be loaded"));
  CHECK(Outcome(ob_torch_open_plugin(nullptr, &text)).says("null"));
}

}  // namespace
}  // namespace ob_test

int main() {
  using namespace ob_test;
  const Program whole(kMomentum, OB_PROGRAM_FLAT), pieces(kMomentum, OB_PROGRAM_ELEMENT_WISE);
  const Program shaped(kMomentum, 0);
  for (const Program* program : {&whole, &pieces, &shaped}) {
    CHECK(program->outcome.ok());
    small_tensors<float>(*program);
    small_tensors<double>(*program);
    a_large_tensor(*program, false);
  }
  const Program picky(
      std::string(kInputs) +
          " -> Tuple[Tensor, Tensor]:\n  assert bool(grad.max() < 100), 'too steep'\n"
          "  s = beta * sum + grad\n  return param - lr * s, s\n",
      OB_PROGRAM_ELEMENT_WISE);
  CHECK(picky.outcome.ok());
  a_large_tensor(picky, true);
  unfit_programs_are_refused();
  missing_plugins_are_errors();
  std::filesystem::remove(folder());
  return result();
}
