// The benchmark's programs for one pipeline: all do the same, and refuse what does not fit.
#include "torch_support.h"

namespace ob_test {
namespace {

// A whole piece of the program in blocks and some more; a scalar's worth; less than a piece.
const int64_t kSizes[] = {40000, 1, 300};

struct Model {
  std::vector<std::vector<float>> data;
  std::vector<ob_tensor> tensors;

  explicit Model(float scale) {
    for (const int64_t& n : kSizes) {
      std::vector<float> values(n);
      for (int64_t i = 0; i < n; ++i) values[i] = scale * std::sin(1.0f + 0.37f * i);
      data.push_back(std::move(values));
      tensors.push_back({data.back().data(), n, &n, "x", 1, OB_FLOAT32, OB_CPU, 0, 0});
    }
  }
};

struct Program {
  explicit Program(int tuned) {
    CHECK(Outcome(ob_torch_pipeline_create(tuned, p.tensors.data(), g.tensors.data(),
                                           q.tensors.data(), m.tensors.data(), v.tensors.data(), 3,
                                           &pipeline))
              .ok());
  }
  ~Program() { ob_torch_pipeline_destroy(pipeline); }

  Model p{0.05f}, g{1}, q{0}, m{0}, v{0};
  ob_torch_pipeline* pipeline = nullptr;
};

// Step by step, in float64, for the first tensor's second element.
void all_equal_formula(int program) {
  Program written(OB_PIPELINE_AS_WRITTEN), tuned(program);
  CHECK(written.q.data == written.p.data);
  Model start(0.05f);
  auto p = start.data;
  std::vector<std::vector<double>> w;
  for (const auto& tensor : p) w.emplace_back(tensor.begin(), tensor.end());
  double m = 0, v = 0;
  for (int t = 1; t <= 4; ++t) {
    const float scale = t % 2 == 1 ? 1.0f : 1e-3f;  // the norm is above and below 1
    double squares = 0;
    for (size_t i = 0; i < w.size(); ++i) {
      for (size_t j = 0; j < w[i].size(); ++j) {
        const float g = scale * std::sin(1.0f + 0.37f * j);
        written.g.data[i][j] = tuned.g.data[i][j] = g;
        const double pulled = g + 0.01 * (written.p.data[i][j] - start.data[i][j]);
        squares += pulled * pulled;
      }
    }
    const double x = w[0][1];
    const double norm = std::sqrt(squares);
    const double g =
        (written.g.data[0][1] + 0.01 * (x - start.data[0][1])) * (norm > 1 ? 1 / norm : 1);
    m = 0.9 * m + 0.1 * g;
    v = 0.999 * v + 0.001 * g * g;
    const double direction =
        m / (1 - std::pow(0.9, t)) / (std::sqrt(v / (1 - std::pow(0.999, t))) + 1e-8);
    w[0][1] = x - 0.002 * direction - 0.01 * x;
    CHECK(Outcome(ob_torch_pipeline_step(written.pipeline, 0.002)).ok());
    CHECK(Outcome(ob_torch_pipeline_step(tuned.pipeline, 0.002)).ok());
    CHECK_NEAR(written.p.data[0][1], w[0][1], 1e-7);
    for (size_t i = 0; i < w.size(); ++i) {
      for (size_t j = 0; j < w[i].size(); ++j) {
        CHECK_NEAR(tuned.p.data[i][j], written.p.data[i][j], 1e-7);
      }
    }
  }
}

void bad_arguments() {
  Program program(1);
  CHECK(Outcome(ob_torch_pipeline_step(program.pipeline, 0)).says("not positive"));
  CHECK(Outcome(ob_torch_pipeline_step(nullptr, 0.1)).says("null"));
  const auto p = program.p.tensors.data();
  ob_torch_pipeline* other = nullptr;
  CHECK(Outcome(ob_torch_pipeline_create(1, p, p, p, p, p, 3, nullptr)).says("out is null"));
  CHECK(Outcome(ob_torch_pipeline_create(1, p, nullptr, p, p, p, 3, &other)).says("gradient"));
  CHECK(Outcome(ob_torch_pipeline_create(1, p, p + 1, p, p, p, 1, &other)).says("gradient 0"));
  CHECK(Outcome(ob_torch_pipeline_create(3, p, p, p, p, p, 1, &other)).says("no such program"));
  CHECK(other == nullptr);
  ob_torch_bench* bench = nullptr;
  const double momentum[] = {0.9, 0, 0, 0, 0};
  const char* options = "momentum\ndampening\nweight_decay\nnesterov\nmaximize";
  const auto make = [&](const char* name, int32_t fused, const ob_tensor* gradients) {
    return Outcome(
        ob_torch_bench_create(name, fused, options, momentum, 5, p, gradients, 1, &bench));
  };
  CHECK(make("SGD", 1, p + 1).says("gradient 0"));
  CHECK(make("SGDD", 1, p).says("no such optimizer class"));
  CHECK(make("Adam", 1, p).says("unknown option"));
  CHECK(bench == nullptr);
}

}  // namespace
}  // namespace ob_test

int main() {
  ob_test::all_equal_formula(OB_PIPELINE_IN_PLACE);
  ob_test::all_equal_formula(OB_PIPELINE_BLOCKED);
  ob_test::bad_arguments();
  return ob_test::result();
}
