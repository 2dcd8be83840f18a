// The optimizers that libtorch's C++ API lacks against plain loops over numbers.
#include <algorithm>
#include <array>
#include <functional>

#include "torch_added_support.h"

namespace ob_test {
namespace {

// What one element's step does: p and its own state are changed; t counts from 1.
using State = std::array<double, 4>;
using Formula = std::function<void(double& p, double g, State& s, int t)>;

struct Case {
  Configuration configuration;
  State initial;
  Formula formula;
};

double value_of(const Configuration& c, const char* name) {
  const std::string names = std::string(c.options) + "\n";
  const size_t at = ("\n" + names).find("\n" + std::string(name) + "\n");
  return c.values[std::count(names.begin(), names.begin() + at, '\n')];
}

double signum(double x) { return (x > 0) - (x < 0); }

Case adamax(std::vector<double> values) {
  const Configuration c = {"Adamax", ADAMAX, std::move(values)};
  return {c, {}, [c](double& p, double g, State& s, int t) {
            const double b1 = value_of(c, "beta1"), b2 = value_of(c, "beta2");
            g = (value_of(c, "maximize") != 0 ? -g : g) + value_of(c, "weight_decay") * p;
            s[0] = b1 * s[0] + (1 - b1) * g;
            s[1] = std::max(b2 * s[1], std::fabs(g) + value_of(c, "eps"));
            p -= kRate / (1 - std::pow(b1, t)) * s[0] / s[1];
          }};
}

Case nadam(std::vector<double> values) {
  const Configuration c = {"NAdam", NADAM, std::move(values)};
  return {c, {0, 0, 1}, [c](double& p, double g, State& s, int t) {
            const double b1 = value_of(c, "beta1"), b2 = value_of(c, "beta2");
            const double decay = value_of(c, "weight_decay");
            const bool decoupled = value_of(c, "decoupled_weight_decay") != 0;
            if (value_of(c, "maximize") != 0) g = -g;
            if (decoupled) p -= kRate * decay * p;
            if (!decoupled) g += decay * p;
            const auto mu = [&](int at) {
              return b1 * (1 - 0.5 * std::pow(0.96, at * value_of(c, "momentum_decay")));
            };
            s[2] = static_cast<float>(s[2]) * static_cast<float>(mu(t));
            s[0] = b1 * s[0] + (1 - b1) * g;
            s[1] = b2 * s[1] + (1 - b2) * g * g;
            const double d = std::sqrt(s[1] / (1 - std::pow(b2, t))) + value_of(c, "eps");
            p -= kRate *
                 ((1 - mu(t)) / (1 - s[2]) * g + mu(t + 1) / (1 - s[2] * mu(t + 1)) * s[0]) / d;
          }};
}

Case radam(std::vector<double> values) {
  const Configuration c = {"RAdam", RADAM, std::move(values)};
  return {c, {}, [c](double& p, double g, State& s, int t) {
            const double b1 = value_of(c, "beta1"), b2 = value_of(c, "beta2");
            const double decay = value_of(c, "weight_decay");
            const bool decoupled = value_of(c, "decoupled_weight_decay") != 0;
            if (value_of(c, "maximize") != 0) g = -g;
            if (decoupled) p -= kRate * decay * p;
            if (!decoupled) g += decay * p;
            s[0] = b1 * s[0] + (1 - b1) * g;
            s[1] = b2 * s[1] + (1 - b2) * g * g;
            const double most = 2 / (1 - b2) - 1;
            const double n = most - 2 * t * std::pow(b2, t) / (1 - std::pow(b2, t));
            double move = s[0] / (1 - std::pow(b1, t));
            if (n > 5) {
              move *= std::sqrt((n - 4) * (n - 2) * most / ((most - 4) * (most - 2) * n));
              move *= std::sqrt(1 - std::pow(b2, t)) / (std::sqrt(s[1]) + value_of(c, "eps"));
            }
            p -= kRate * move;
          }};
}

Case adadelta(std::vector<double> values) {
  const Configuration c = {"Adadelta", ADADELTA, std::move(values)};
  return {c, {}, [c](double& p, double g, State& s, int) {
            const double rho = value_of(c, "rho"), eps = value_of(c, "eps");
            g = (value_of(c, "maximize") != 0 ? -g : g) + value_of(c, "weight_decay") * p;
            s[0] = rho * s[0] + (1 - rho) * g * g;
            const double x = std::sqrt(s[1] + eps) / std::sqrt(s[0] + eps) * g;
            s[1] = rho * s[1] + (1 - rho) * x * x;
            p -= kRate * x;
          }};
}

Case asgd(std::vector<double> values) {
  const Configuration c = {"ASGD", ASGD, std::move(values)};
  return {c, {kRate, 1, 0}, [c](double& p, double g, State& s, int t) {
            const double lambd = value_of(c, "lambd");
            const double eta = static_cast<float>(s[0]);
            const double mu = static_cast<float>(s[1]);
            g = (value_of(c, "maximize") != 0 ? -g : g) + value_of(c, "weight_decay") * p;
            p = p * (1 - lambd * eta) - eta * g;
            s[2] += mu * (p - s[2]);
            s[0] = kRate / std::pow(1 + lambd * kRate * t, value_of(c, "alpha"));
            s[1] = 1 / std::max(1.0, t - value_of(c, "t0"));
          }};
}

Case rprop(std::vector<double> values) {
  const Configuration c = {"Rprop", RPROP, std::move(values)};
  return {c, {0, kRate}, [c](double& p, double g, State& s, int) {
            if (value_of(c, "maximize") != 0) g = -g;
            const double turn = signum(g * s[0]);
            if (turn > 0) s[1] *= value_of(c, "etaplus");
            if (turn < 0) s[1] *= value_of(c, "etaminus");
            s[1] = std::min(std::max(s[1], value_of(c, "step_size_min")),
                            value_of(c, "step_size_max"));
            if (turn < 0) g = 0;
            p -= signum(g) * s[1];
            s[0] = g;
          }};
}

std::vector<Case> elementwise() {
  return {adamax({0.9, 0.999, 1e-8, 0, 0}),
          adamax({0.7, 0.8, 1e-2, 0.1, 1}),
          nadam({0.9, 0.999, 1e-8, 0, 0.004, 0, 0}),
          nadam({0.8, 0.9, 1e-6, 0.1, 0.1, 0, 1}),
          nadam({0.8, 0.9, 1e-6, 0.1, 0.1, 1, 0}),
          radam({0.9, 0.999, 1e-8, 0, 0, 0}),
          radam({0.8, 0.9, 1e-6, 0.1, 0, 1}),
          radam({0.8, 0.9, 1e-6, 0.1, 1, 0}),
          adadelta({0.9, 1e-6, 0, 0}),
          adadelta({0.5, 1e-3, 0.1, 1}),
          asgd({1e-4, 0.75, 1e6, 0, 0}),
          asgd({0.5, 0.5, 3, 0.1, 1}),
          rprop({0.5, 1.2, 1e-6, 50, 0}),
          rprop({0.3, 1.5, 1e-2, 3e-2, 1})};
}

template <class T>
void equals_formula(const Case& one, double tol) {
  AddedRun<T> run(one.configuration, shapes());
  Tensors<double> expected(shapes());
  for (size_t i = 0; i < expected.data.size(); ++i) {
    expected.data[i].assign(run.params.data[i].begin(), run.params.data[i].end());
  }
  run.run(0, kSteps, kRate);
  Tensors<T> gradients(shapes());
  std::vector<std::vector<State>> states;
  for (const auto& tensor : expected.data) states.emplace_back(tensor.size(), one.initial);
  for (int t = 1; t <= kSteps; ++t) {
    gradients.fill(100 + t - 1);
    for (size_t i = 0; i < states.size(); ++i) {
      for (size_t j = 0; j < states[i].size(); ++j) {
        one.formula(expected.data[i][j], gradients.data[i][j], states[i][j], t);
      }
    }
  }
  for (size_t i = 0; i < states.size(); ++i) {
    CHECK(run.scalars[0].data[i][0] == kSteps);
    for (size_t j = 0; j < states[i].size(); ++j) {
      CHECK_NEAR(run.params.data[i][j], expected.data[i][j], tol);
    }
  }
}

template <class T>
void all(double tol) {
  for (const Case& one : elementwise()) {
    equals_formula<T>(one, tol);
    interruptions_change_nothing<T>(one.configuration, shapes());
  }
}

}  // namespace
}  // namespace ob_test

int main() {
  ob_test::all<float>(2e-6);
  ob_test::all<double>(1e-12);
  return ob_test::result();
}
