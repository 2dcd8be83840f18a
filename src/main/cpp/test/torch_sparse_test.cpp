// Steps by rows, against plain loops over dense arrays, and L-BFGS as a dialogue.
#include <map>
#include <set>

#include "torch/ob_lbfgs.h"
#include "torch_added_support.h"

namespace {

using namespace ob_test;

constexpr int kRows = 9;
constexpr int kWidth = 3;
const char* const kSparseAdam = "beta1\nbeta2\neps\nmaximize";

struct Given {
  std::vector<int64_t> rows;
  std::vector<double> values;
};

// Rows out of order, some named twice; none at all in the third step.
Given given(int step) {
  Given all;
  const int count = step == 2 ? 0 : 2 + step % 5;
  for (int i = 0; i < count; ++i) all.rows.push_back((step * 7 + i * 5 + i * i) % kRows);
  if (count > 2) all.rows.back() = all.rows.front();
  for (int i = 0; i < count * kWidth; ++i) all.values.push_back(std::sin(1.0 + step + 0.7 * i));
  return all;
}

// What a configuration does to one row; `g` is null if the row has no gradient.
struct Reference {
  Configuration configuration;
  std::vector<double> p, a, b;
  int t = 0;

  double option(const char* name) const {
    int at = 0;
    std::string rest = configuration.options;
    for (size_t end; (end = rest.find('\n')) != std::string::npos; rest = rest.substr(end + 1)) {
      if (rest.substr(0, end) == name) return configuration.values[at];
      ++at;
    }
    return configuration.values[at];
  }

  void step(const Given& all, double lr) {
    ++t;
    std::map<int64_t, std::vector<double>> sums;
    for (size_t i = 0; i < all.rows.size(); ++i) {
      auto& sum = sums[all.rows[i]];
      sum.resize(kWidth);
      for (int j = 0; j < kWidth; ++j) sum[j] += all.values[i * kWidth + j];
    }
    const std::string name = configuration.class_name;
    const double sign = option("maximize") != 0 ? -1 : 1;
    for (int row = 0; row < kRows; ++row) {
      for (int j = 0; j < kWidth; ++j) {
        const bool has = sums.count(row) != 0;
        const double g = has ? sign * sums[row][j] : 0;
        const int k = row * kWidth + j;
        if (name == "SGD") {
          const double momentum = option("momentum");
          if (momentum == 0) {
            p[k] -= lr * g;
            continue;
          }
          a[k] = t == 1 ? g : momentum * a[k] + (1 - option("dampening")) * g;
          p[k] -= lr * (option("nesterov") != 0 ? g + momentum * a[k] : a[k]);
        } else if (!has) {
          continue;
        } else if (name == "Adagrad") {
          a[k] += g * g;
          p[k] -= lr / (1 + (t - 1) * option("lr_decay")) * g / (std::sqrt(a[k]) + option("eps"));
        } else {
          a[k] += (1 - option("beta1")) * (g - a[k]);
          b[k] += (1 - option("beta2")) * (g * g - b[k]);
          const double size =
              lr * std::sqrt(1 - std::pow(option("beta2"), t)) / (1 - std::pow(option("beta1"), t));
          p[k] -= size * a[k] / (std::sqrt(b[k]) + option("eps"));
        }
      }
    }
  }
};

template <class T>
void steps_as_a_loop(const Configuration& configuration, double tolerance) {
  AddedRun<T> run(configuration, {{kRows, kWidth}});
  CHECK(std::string(ob_torch_rows_refusal(run.optimizer)).empty());
  Reference reference{configuration, {}, {}, {}};
  reference.p.assign(run.params.data[0].begin(), run.params.data[0].end());
  const double initial = std::string(configuration.class_name) == "Adagrad"
                             ? reference.option("initial_accumulator_value")
                             : 0;
  reference.a.assign(kRows * kWidth, initial);
  reference.b.assign(kRows * kWidth, 0);
  for (int i = 0; i < 9; ++i) {
    const Given all = given(i);
    const std::vector<T> values(all.values.begin(), all.values.end());
    // Without rows, vectors have no address; a null one would mean a dense gradient.
    const int64_t none = 0;
    const ob_rows rows = {all.rows.empty() ? &none : all.rows.data(), values.data(),
                          static_cast<int64_t>(all.rows.size())};
    if (i == 5) run.move();
    CHECK(Outcome(ob_torch_step_rows(run.optimizer, &rows, 0.1 / (1 + i))).ok());
    reference.step(all, 0.1 / (1 + i));
    for (int k = 0; k < kRows * kWidth; ++k) {
      CHECK_NEAR(run.params.data[0][k], reference.p[k], tolerance);
    }
  }
}

void bad_rows_change_nothing() {
  AddedRun<float> run({"SparseAdam", kSparseAdam, {0.9, 0.999, 1e-8, 0}}, {{kRows, kWidth}, {2}});
  const auto before = run.params.data;
  const std::vector<float> values(2 * kWidth, 1);
  const int64_t good[] = {1, 0};
  const int64_t bad[] = {1, kRows};
  const int64_t negative[] = {-1, 0};
  ob_rows rows[] = {{bad, values.data(), 2}, {good, values.data(), 2}};
  CHECK(Outcome(ob_torch_step_rows(run.optimizer, rows, 0.1)).says("'t0' has the row 9"));
  rows[0] = {good, values.data(), 2};
  rows[1] = {negative, values.data(), 2};
  CHECK(Outcome(ob_torch_step_rows(run.optimizer, rows, 0.1)).says("'t1' has the row -1"));
  rows[1] = {nullptr, values.data(), 0};
  CHECK(Outcome(ob_torch_step_rows(run.optimizer, rows, 0.1)).says("dense"));
  CHECK(Outcome(ob_torch_step_rows(run.optimizer, nullptr, 0.1)).says("null"));
  CHECK(Outcome(ob_torch_step(run.optimizer, 0.1)).says("dense"));
  CHECK(run.params.data == before);

  AddedRun<float> adamax(
      {"Adamax", "beta1\nbeta2\neps\nweight_decay\nmaximize", {.9, .99, 1e-8, 0, 0}},
      {{kRows, kWidth}});
  CHECK(!std::string(ob_torch_rows_refusal(adamax.optimizer)).empty());
  CHECK(Outcome(ob_torch_step_rows(adamax.optimizer, rows, 0.1)).says("SparseAdam"));
}

void lbfgs_is_undone_and_resumed() {
  float w[] = {1.5f, -0.5f, 0.75f, 2}, g[4] = {};
  const int64_t shape[] = {4};
  const ob_tensor params = {w, 4, shape, "w", 1, OB_FLOAT32, OB_CPU, 0, 0};
  const ob_tensor grads = {g, 4, shape, "w", 1, OB_FLOAT32, OB_CPU, 0, 0};
  const auto loss = [&] {
    double sum = 0;
    for (int i = 0; i < 4; ++i) {
      sum += 0.5 * (i + 1) * w[i] * w[i];
      g[i] = static_cast<float>(i + 1) * w[i];
    }
    return sum;
  };
  for (const int search : {0, 1}) {
    for (const float start : {1.5f, -2.f}) {
      ob_torch_lbfgs* lbfgs = nullptr;
      CHECK(Outcome(ob_torch_lbfgs_create(10, 20, 1e-7, 1e-9, 3, search, &lbfgs)).ok());
      int32_t again = 0;
      CHECK(Outcome(ob_torch_lbfgs_tell(lbfgs, 1, &again)).says("no step"));
      CHECK(Outcome(ob_torch_lbfgs_begin(lbfgs, 1)).says("nothing is bound"));
      CHECK(Outcome(ob_torch_lbfgs_bind(lbfgs, &params, &grads, 1)).ok());
      const float before[] = {start, -0.5f, 0.75f, 2};
      std::copy(before, before + 4, w);
      for (int evaluations = 0; evaluations < 4; ++evaluations) {
        CHECK(Outcome(ob_torch_lbfgs_begin(lbfgs, 0.5)).ok());
        CHECK(Outcome(ob_torch_lbfgs_bind(lbfgs, &params, &grads, 1)).says("under way"));
        for (int i = 0; i < evaluations; ++i) {
          CHECK(Outcome(ob_torch_lbfgs_tell(lbfgs, loss(), &again)).ok());
        }
        CHECK(Outcome(ob_torch_lbfgs_abort(lbfgs, 1)).ok());
        CHECK(std::equal(w, w + 4, before));
      }
      double first = 0;
      for (int step = 0; step < 4; ++step) {
        CHECK(Outcome(ob_torch_lbfgs_begin(lbfgs, 0.5)).ok());
        do {
          const double now = loss();
          if (first == 0) first = now;
          CHECK(Outcome(ob_torch_lbfgs_tell(lbfgs, now, &again)).ok());
        } while (again != 0);
      }
      CHECK(loss() < 1e-6 * first);
      double numbers[OB_LBFGS_NUMBERS];
      CHECK(Outcome(ob_torch_lbfgs_numbers(lbfgs, numbers)).ok());
      CHECK(numbers[OB_LBFGS_HISTORY] >= 1 && numbers[OB_LBFGS_HISTORY] <= 3);
      ob_torch_lbfgs_destroy(lbfgs);
    }
  }
}

}  // namespace

int main() {
  for (const Configuration& one :
       std::vector<Configuration>{{"SparseAdam", kSparseAdam, {0.9, 0.999, 1e-8, 0}},
                                  {"SparseAdam", kSparseAdam, {0.5, 0.9, 1e-3, 1}},
                                  {"SGD", SGD, {0, 0, 0, 0, 0}},
                                  {"SGD", SGD, {0.9, 0, 0, 0, 0}},
                                  {"SGD", SGD, {0.9, 0.3, 0, 0, 1}},
                                  {"SGD", SGD, {0.8, 0, 0, 1, 0}},
                                  {"Adagrad", ADAGRAD, {0, 0, 0, 1e-10, 0}},
                                  {"Adagrad", ADAGRAD, {0.1, 0, 0.5, 1e-8, 1}}}) {
    steps_as_a_loop<float>(one, 1e-6);
    steps_as_a_loop<double>(one, 1e-13);
  }
  bad_rows_change_nothing();
  lbfgs_is_undone_and_resumed();
  return ob_test::result();
}
