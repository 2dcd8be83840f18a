// Adafactor and Muon, whose steps depend on the shape of a tensor, against plain loops.
#include <limits>

#include "torch_added_support.h"

namespace ob_test {
namespace {

template <class T>
void adafactor_equals_formula(double eps1, double d, double decay, double rate, double tol) {
  const double beta2_decay = -0.7, eps2 = 1e-2;
  const Shapes all = {{5, 13}, {63}, {2, 3, 4}, {}, {0, 3}};
  AddedRun<T> run({"Adafactor", ADAFACTOR, {beta2_decay, eps1, eps2, d, decay, 0}}, all);
  const auto start = run.params.data;
  run.run(0, kSteps, rate);
  const double floor = std::isnan(eps1) ? std::numeric_limits<T>::epsilon() : eps1;
  for (size_t i = 0; i < all.size(); ++i) {
    const int64_t rank = static_cast<int64_t>(all[i].size());
    const int64_t columns = rank > 1 ? all[i][rank - 1] : 1;
    const int64_t rows = rank > 1 ? all[i][rank - 2] : 1;
    std::vector<double> p(start[i].begin(), start[i].end());
    const int64_t n = static_cast<int64_t>(p.size());
    std::vector<double> row(n / std::max<int64_t>(columns, 1)),
        column(n / std::max<int64_t>(rows, 1));
    std::vector<double> variance(n), u(n);
    Tensors<T> gradients(all);
    for (int t = 1; n > 0 && t <= kSteps; ++t) {
      gradients.fill(100 + t - 1);
      const auto& g = gradients.data[i];
      const double w = std::pow(t, beta2_decay);
      double square = 0, moved = 0;
      for (double x : p) square += x * x;
      for (double& x : p) x *= 1 - rate * decay;
      if (rank > 1) {
        const int64_t matrix = rows * columns;
        for (int64_t m = 0; m < n / matrix; ++m) {
          const auto at = [&](int64_t r, int64_t c) {
            return double(g[m * matrix + r * columns + c]);
          };
          double mean = 0;
          for (int64_t r = 0; r < rows; ++r) {
            double sum = 0;
            for (int64_t c = 0; c < columns; ++c) sum += at(r, c) * at(r, c);
            double& x = row[m * rows + r];
            x += w * (sum / columns - x);
            mean += x / rows;
          }
          for (int64_t c = 0; c < columns; ++c) {
            double sum = 0;
            for (int64_t r = 0; r < rows; ++r) sum += at(r, c) * at(r, c);
            double& x = column[m * columns + c];
            x += w * (sum / rows - x);
          }
          for (int64_t r = 0; r < rows; ++r) {
            for (int64_t c = 0; c < columns; ++c) {
              variance[m * matrix + r * columns + c] =
                  row[m * rows + r] * column[m * columns + c] / std::max(mean, floor);
            }
          }
        }
      } else {
        for (int64_t j = 0; j < n; ++j) variance[j] += w * (double(g[j]) * g[j] - variance[j]);
      }
      for (int64_t j = 0; j < n; ++j) {
        u[j] = g[j] / std::sqrt(std::max(variance[j], floor * floor));
        moved += u[j] * u[j];
      }
      const double scale = std::max(eps2, std::sqrt(square / n)) *
                           std::min(rate, 1 / std::sqrt(static_cast<double>(t)));
      for (int64_t j = 0; j < n; ++j)
        p[j] -= scale * u[j] / std::max(1.0, std::sqrt(moved / n) / d);
    }
    for (int64_t j = 0; j < n; ++j) CHECK_NEAR(run.params.data[i][j], p[j], tol);
  }
}

// Gradients of full rank: what has no direction of its own is noise of bfloat16, made large.
template <class T>
void fill_with_full_rank(Tensors<T>& gradients, int seed) {
  int position = 0;
  for (auto& tensor : gradients.data) {
    for (auto& x : tensor) {
      x = static_cast<T>(std::sin(seed + 1.3 * position * position));
      ++position;
    }
  }
}

// In full precision; bfloat16 has 8 bits.
template <class T>
void muon_equals_formula(bool nesterov, bool match, double decay) {
  const double momentum = 0.9, a = 3.4445, b = -4.775, c = 2.0315;
  const Shapes all = {{3, 7}, {13, 5}, {4, 4}, {1, 1}, {0, 3}};
  const Configuration configuration = {
      "Muon", MUON, {decay, momentum, double(nesterov), a, b, c, 1e-7, 5, double(match)}};
  AddedRun<T> run(configuration, all);
  const auto start = run.params.data;
  for (int t = 1; t <= kSteps; ++t) {
    fill_with_full_rank(run.grads, t);
    CHECK(Outcome(ob_torch_step(run.optimizer, kRate)).ok());
  }
  for (size_t i = 0; i < all.size(); ++i) {
    const int64_t rows = all[i][0], columns = all[i][1], n = rows * columns;
    std::vector<double> p(start[i].begin(), start[i].end()), buffer(n), x(n);
    Tensors<T> gradients(all);
    for (int t = 1; n > 0 && t <= kSteps; ++t) {
      fill_with_full_rank(gradients, t);
      double square = 0;
      for (int64_t j = 0; j < n; ++j) {
        const double g = gradients.data[i][j];
        buffer[j] += (1 - momentum) * (g - buffer[j]);
        x[j] = nesterov ? g + momentum * (buffer[j] - g) : buffer[j];
        square += x[j] * x[j];
      }
      for (double& y : x) y /= std::sqrt(square);
      for (int k = 0; k < 5; ++k) {
        // X (a + b A + c A A) with A = X'X is the same as (a + b B + c B B) X with B = XX'.
        std::vector<double> gram(columns * columns), poly(columns * columns), next(n);
        for (int64_t r = 0; r < columns; ++r) {
          for (int64_t s = 0; s < columns; ++s) {
            for (int64_t q = 0; q < rows; ++q)
              gram[r * columns + s] += x[q * columns + r] * x[q * columns + s];
          }
        }
        for (int64_t r = 0; r < columns; ++r) {
          for (int64_t s = 0; s < columns; ++s) {
            double product = 0;
            for (int64_t q = 0; q < columns; ++q)
              product += gram[r * columns + q] * gram[q * columns + s];
            poly[r * columns + s] = (r == s ? a : 0) + b * gram[r * columns + s] + c * product;
          }
        }
        for (int64_t r = 0; r < rows; ++r) {
          for (int64_t s = 0; s < columns; ++s) {
            for (int64_t q = 0; q < columns; ++q)
              next[r * columns + s] += x[r * columns + q] * poly[q * columns + s];
          }
        }
        x = next;
      }
      const double factor = match ? 0.2 * std::sqrt(double(std::max(rows, columns)))
                                  : std::sqrt(std::max(1.0, double(rows) / columns));
      for (int64_t j = 0; j < n; ++j) p[j] = p[j] * (1 - kRate * decay) - kRate * factor * x[j];
    }
    for (int64_t j = 0; j < n; ++j) CHECK_NEAR(run.params.data[i][j], p[j], 0.05 * kRate * kSteps);
  }
}

void shapes_are_checked() {
  ob_torch_optimizer* muon = nullptr;
  CHECK(create({"Muon", MUON, {0.1, 0.9, 1, 3, -4, 2, 1e-7, 5, 0}}, 0, &muon).ok());
  int64_t out[5];
  const int64_t shape[] = {2, 3, 4};
  const Outcome cube(ob_torch_slot_shape(muon, 1, "conv", shape, 3, out));
  CHECK(cube.code == OB_INVALID);
  CHECK(cube.says("parameter 'conv' has 3 dimensions"));
  CHECK(Outcome(ob_torch_slot_shape(muon, 1, "w", shape, 2, out)).ok());
  CHECK(out[0] == 2 && out[1] == 2 && out[2] == 3);
  CHECK(Outcome(ob_torch_slot_shape(muon, 2, "w", shape, 2, out)).code == OB_INVALID);
  CHECK(Outcome(ob_torch_slot_shape(nullptr, 1, "w", shape, 2, out)).code == OB_INVALID);
  CHECK(ob_torch_slot_kind(nullptr, 0) == -1);
  ob_torch_destroy(muon);

  // Slots of another shape than asked for are refused.
  AddedRun<float> run({"Adafactor", ADAFACTOR, {-0.8, 0, 1e-3, 1, 0, 0}}, {{5, 13}});
  run.slots[1].shapes[0] = {1, 5};
  std::vector<std::vector<ob_tensor>> arrays(6);
  run.params.append_to(arrays[0]);
  run.grads.append_to(arrays[1]);
  run.scalars[0].append_to(arrays[2]);
  for (size_t s = 1; s < 4; ++s) run.slots[s].append_to(arrays[2 + s]);
  std::vector<int64_t> slots;
  for (size_t s = 0; s < 4; ++s) slots.push_back(reinterpret_cast<int64_t>(arrays[2 + s].data()));
  CHECK(
      Outcome(ob_torch_bind(run.optimizer, arrays[0].data(), arrays[1].data(), slots.data(), 4, 1))
          .says("slot 'row_var' of 't0' has shape [1, 5] and must have [5, 1]"));
}

template <class T>
void all(double tol) {
  adafactor_equals_formula<T>(std::nan(""), 1, 0, 0.02, tol);
  adafactor_equals_formula<T>(1e-3, 2, 0.1, 0.9, 10 * tol);
  interruptions_change_nothing<T>({"Adafactor", ADAFACTOR, {-0.8, 1e-30, 1e-3, 1, 0.1, 1}},
                                  shapes());
  muon_equals_formula<T>(true, false, 0.1);
  muon_equals_formula<T>(false, true, 0);
  interruptions_change_nothing<T>(
      {"Muon", MUON, {0.1, 0.95, 1, 3.4445, -4.775, 2.0315, 1e-7, 5, 0}},
      {{3, 7}, {13, 5}, {0, 3}});
}

}  // namespace
}  // namespace ob_test

int main() {
  ob_test::all<float>(2e-6);
  ob_test::all<double>(1e-12);
  ob_test::shapes_are_checked();
  return ob_test::result();
}
