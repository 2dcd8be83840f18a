// Fused and plain optimizers agree; moving memory or restoring state changes no bit.
#include <algorithm>

#include "torch_support.h"

namespace ob_test {
namespace {

template <class T>
void fused_equals_plain(const Configuration& c, double tol) {
  Run<T> fused(c, 1), plain(c, 0);
  CHECK(std::string(ob_torch_slots(fused.optimizer)) == ob_torch_slots(plain.optimizer));
  fused.run(0, 10);
  plain.run(0, 10);
  check_near(fused.params, plain.params, tol);
  for (size_t s = 0; s < fused.slots.size(); ++s) check_near(fused.slots[s], plain.slots[s], tol);
  CHECK(same(fused.step, plain.step));
  CHECK(fused.step.data[0][0] == 10);
}

template <class T>
void interruptions_change_nothing(const Configuration& c, int fused) {
  Run<T> whole(c, fused), moved(c, fused), restored(c, fused);
  whole.run(0, 10);

  moved.move();
  moved.run(0, 4);
  moved.move();
  moved.run(4, 10);
  CHECK(same(whole.params, moved.params));

  // Saved after 5 steps, taken astray, and put back.
  restored.run(0, 5);
  const auto params = restored.params.data;
  const auto step = restored.step.data;
  std::vector<std::vector<std::vector<T>>> slots;
  for (auto& slot : restored.slots) slots.push_back(slot.data);
  restored.run(50, 53);
  const auto put = [](auto& to, const auto& from) {
    for (size_t i = 0; i < to.data.size(); ++i) {
      std::copy(from[i].begin(), from[i].end(), to.data[i].begin());
    }
  };
  put(restored.params, params);
  put(restored.step, step);
  for (size_t s = 0; s < slots.size(); ++s) put(restored.slots[s], slots[s]);
  CHECK(Outcome(ob_torch_sync(restored.optimizer)).ok());
  restored.run(5, 10);
  CHECK(same(whole.params, restored.params));
  for (size_t s = 0; s < slots.size(); ++s) CHECK(same(whole.slots[s], restored.slots[s]));
  CHECK(same(whole.step, restored.step));

  // Back to the start.
  Run<T> fresh(c, fused);
  const auto start = fresh.params.data;
  fresh.run(20, 23);
  put(fresh.params, start);
  fresh.step.set(0);
  for (size_t s = 0; s < fresh.slots.size(); ++s) {
    fresh.slots[s].set(ob_torch_slot_initial(fresh.optimizer, static_cast<int32_t>(s) + 1));
  }
  CHECK(Outcome(ob_torch_sync(fresh.optimizer)).ok());
  fresh.run(0, 10);
  CHECK(same(whole.params, fresh.params));
}

// Tensors of one optimizer that are at different steps.
template <class T>
void steps_differ(int fused) {
  const Configuration c = {"SGD", SGD, {0.9, 0.5, 0, 0, 0}};
  Run<T> run(c, fused);
  run.step.data[2][0] = 3;
  run.slots[0].data[2].assign(63, T(2));
  CHECK(Outcome(ob_torch_sync(run.optimizer)).ok());
  const auto before = run.params.data;
  run.run(0, 1, 0.5);
  for (size_t i = 0; i < before.size(); ++i) {
    CHECK(run.step.data[i][0] == (i == 2 ? 4 : 1));
    for (size_t j = 0; j < before[i].size(); ++j) {
      const double g = run.grads.data[i][j];
      const double m = i == 2 ? 0.9 * 2 + 0.5 * g : g;
      CHECK_NEAR(run.slots[0].data[i][j], m, 1e-6);
      CHECK_NEAR(run.params.data[i][j], before[i][j] - 0.5 * m, 1e-6);
    }
  }
}

template <class T>
void adam_equals_formula(int fused, double tol) {
  const double beta1 = 0.9, beta2 = 0.99, eps = 1e-7, decay = 0.03, lr = 0.02;
  for (bool decoupled : {false, true}) {
    Run<T> run({decoupled ? "AdamW" : "Adam", ADAM, {beta1, beta2, eps, decay, 0, 0}}, fused);
    Vector<double> p, m, v;
    Vector<T> g;
    for (size_t i = 0; i < p.data.size(); ++i) {
      for (size_t j = 0; j < p.data[i].size(); ++j) p.data[i][j] = run.params.data[i][j];
    }
    run.run(0, 10, lr);
    for (int t = 1; t <= 10; ++t) {
      g.fill(100 + t - 1);
      for (size_t i = 0; i < p.data.size(); ++i) {
        for (size_t j = 0; j < p.data[i].size(); ++j) {
          double& x = p.data[i][j];
          double d = g.data[i][j];
          if (decoupled) {
            x *= 1 - lr * decay;
          } else {
            d += decay * x;
          }
          m.data[i][j] = beta1 * m.data[i][j] + (1 - beta1) * d;
          v.data[i][j] = beta2 * v.data[i][j] + (1 - beta2) * d * d;
          const double denominator =
              std::sqrt(v.data[i][j]) / std::sqrt(1 - std::pow(beta2, t)) + eps;
          x -= lr / (1 - std::pow(beta1, t)) * m.data[i][j] / denominator;
        }
      }
    }
    for (size_t i = 0; i < p.data.size(); ++i) {
      for (size_t j = 0; j < p.data[i].size(); ++j) {
        CHECK_NEAR(run.params.data[i][j], p.data[i][j], tol);
      }
    }
  }
}

// Maximizing is minimizing with the negated gradient.
template <class T>
void maximize_negates(Configuration c, int fused) {
  c.values.back() = 0;
  Run<T> minimize(c, fused);
  c.values.back() = 1;
  Run<T> maximize(c, fused);
  for (int i = 0; i < 10; ++i) {
    minimize.grads.fill(i);
    maximize.grads.fill(i);
    for (auto& tensor : minimize.grads.data) {
      for (T& x : tensor) x = -x;
    }
    CHECK(Outcome(ob_torch_step(minimize.optimizer, 0.01)).ok());
    CHECK(Outcome(ob_torch_step(maximize.optimizer, 0.01)).ok());
  }
  CHECK(same(minimize.params, maximize.params));
}

template <class T>
void all(double tol) {
  for (const Configuration& c : with_fused_kernel()) {
    fused_equals_plain<T>(c, tol);
    interruptions_change_nothing<T>(c, 1);
    interruptions_change_nothing<T>(c, 0);
    maximize_negates<T>(c, 1);
    maximize_negates<T>(c, 0);
  }
  for (const Configuration& c : without_fused_kernel()) {
    interruptions_change_nothing<T>(c, 0);
    maximize_negates<T>(c, 0);
  }
  for (int fused : {0, 1}) {
    adam_equals_formula<T>(fused, tol);
    steps_differ<T>(fused);
  }
}

void rmsprop_equals_formula() {
  Run<double> run({"RMSprop", RMSPROP, {0.9, 1e-6, 0.1, 0.8, 1, 0}}, 0);
  CHECK(std::string(ob_torch_slots(run.optimizer)) ==
        "step\nsquare_avg\nmomentum_buffer\ngrad_avg");
  double p = run.params.data[1][2], square = 0, mean = 0, momentum = 0;
  for (int t = 0; t < 10; ++t) {
    run.run(t, t + 1, 0.02);
    const double g = run.grads.data[1][2] + 0.1 * p;
    square = 0.9 * square + 0.1 * g * g;
    mean = 0.9 * mean + 0.1 * g;
    momentum = 0.8 * momentum + g / (std::sqrt(square - mean * mean) + 1e-6);
    p -= 0.02 * momentum;
  }
  CHECK_NEAR(run.params.data[1][2], p, 1e-12);
  CHECK_NEAR(run.slots[0].data[1][2], square, 1e-12);
  CHECK_NEAR(run.slots[1].data[1][2], momentum, 1e-12);
  CHECK_NEAR(run.slots[2].data[1][2], mean, 1e-12);
  CHECK(Outcome(ob_torch_zero(run.optimizer)).ok());
  CHECK(same(run.params, Vector<double>()));
}

void bench_equals_optimizer(int32_t fused) {
  for (int64_t n : {1000, 200000}) {  // below and above what one thread does alone
    std::vector<float> g(n), a(n), b[3], step(1);
    for (auto& y : b) y.assign(n, 0);
    for (int64_t i = 0; i < n; ++i) g[i] = std::sin(0.1f * i);
    ob_torch_optimizer* optimizer = nullptr;
    const Configuration adam = {"Adam", ADAM, {0.9, 0.999, 1e-8, 0, 0, 0}};
    CHECK(create(adam, 1, &optimizer).ok());
    const auto view = [&](std::vector<float>& x) {
      return ob_tensor{x.data(), n, &n, "x", 1, OB_FLOAT32, OB_CPU, 0, 0};
    };
    const ob_tensor p = view(b[0]), grad = view(g), m = view(b[1]), v = view(b[2]);
    const ob_tensor ours = view(a);
    ob_torch_bench* bench = nullptr;
    CHECK(Outcome(ob_torch_bench_create(adam.class_name, fused, adam.options, adam.values.data(),
                                        static_cast<int32_t>(adam.values.size()), &ours, &grad, 1,
                                        &bench))
              .ok());
    const ob_tensor s = {step.data(), 1, nullptr, "x", 0, OB_FLOAT32, OB_CPU, 0, 0};
    const int64_t slots[] = {reinterpret_cast<int64_t>(&s), reinterpret_cast<int64_t>(&m),
                             reinterpret_cast<int64_t>(&v)};
    CHECK(Outcome(ob_torch_bind(optimizer, &p, &grad, slots, 3, 1)).ok());
    const int32_t threads = ob_torch_threads();
    for (int i = 0; i < 5; ++i) {
      CHECK(Outcome(ob_torch_bench_step(bench, 0.01)).ok());
      CHECK(Outcome(ob_torch_step(optimizer, 0.01)).ok());
    }
    CHECK(ob_torch_threads() == threads);
    for (int64_t i = 0; i < n; ++i) {
      if (fused == 1) {
        CHECK(a[i] == b[0][i]);
      } else {
        CHECK_NEAR(a[i], b[0][i], 5e-8);
      }
    }
    ob_torch_destroy(optimizer);
    ob_torch_bench_destroy(bench);
  }
}

}  // namespace
}  // namespace ob_test

int main() {
  ob_test::all<float>(1e-6);
  ob_test::all<double>(1e-12);
  ob_test::rmsprop_equals_formula();
  ob_test::bench_equals_optimizer(1);
  ob_test::bench_equals_optimizer(0);
  return ob_test::result();
}
