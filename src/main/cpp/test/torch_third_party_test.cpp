// Optimizers of packages beside torch against plain loops over numbers; see torch/optim for the
// formulas.
#include <map>
#include <numeric>

#include "torch_added_support.h"

namespace ob_test {
namespace {

using Numbers = std::vector<double>;

struct Tensor {
  Numbers p, g;
  size_t dims;
  std::map<std::string, Numbers> state;

  Numbers& at(const char* name) {
    Numbers& numbers = state[name];
    numbers.resize(p.size());
    return numbers;
  }
};

// Options by name.
struct Given {
  explicit Given(const Configuration& c) : configuration(c) {}
  double operator[](const char* name) const {
    const std::string names = std::string(configuration.options) + "\n";
    const size_t at = ("\n" + names).find("\n" + std::string(name) + "\n");
    CHECK(at != std::string::npos);
    return configuration.values[std::count(names.begin(), names.begin() + at, '\n')];
  }
  const Configuration& configuration;
};

double norm(const Numbers& x) {
  return std::sqrt(std::inner_product(x.begin(), x.end(), x.begin(), 0.0));
}

double sign(double x) { return (x > 0) - (x < 0); }

double global_norm(const std::vector<Tensor>& all) {
  double squares = 0;
  for (const Tensor& t : all) squares += norm(t.g) * norm(t.g);
  return std::sqrt(squares);
}

// Multiplies x by 0 or by what makes up for it.
void be_cautious(Numbers& x, const Numbers& g, bool one_more) {
  double passing = 0;
  for (size_t i = 0; i < x.size(); ++i) passing += x[i] * g[i] > 0;
  const double n = static_cast<double>(x.size());
  const double scale = one_more ? n / (passing + 1) : 1 / std::max(passing / n, 1e-3);
  for (size_t i = 0; i < x.size(); ++i) x[i] *= x[i] * g[i] > 0 ? scale : 0;
}

// Of one step at a rate, t counting from 1.
using Step = void (*)(std::vector<Tensor>& all, const Given& o, double lr, int t);

void timm_lamb(std::vector<Tensor>& all, const Given& o, double lr, int t) {
  const double b1 = o["beta1"], b2 = o["beta2"], decay = o["weight_decay"];
  const double most = o["max_grad_norm"];
  const double clip = std::isnan(most) ? 1 : std::max(1.0, global_norm(all) / most);
  const double c1 = o["bias_correction"] != 0 ? 1 - std::pow(b1, t) : 1;
  const double c2 = o["bias_correction"] != 0 ? 1 - std::pow(b2, t) : 1;
  for (Tensor& x : all) {
    Numbers &m = x.at("m"), &v = x.at("v"), u(x.p.size());
    for (size_t i = 0; i < u.size(); ++i) {
      const double g = x.g[i] /= clip;
      m[i] = b1 * m[i] + (o["grad_averaging"] != 0 ? 1 - b1 : 1) * g;
      v[i] = b2 * v[i] + (1 - b2) * g * g;
      u[i] = m[i] / c1 / (std::sqrt(v[i] / c2) + o["eps"]);
    }
    if (o["caution"] != 0) be_cautious(u, x.g, false);
    const bool decoupled = o["decoupled_decay"] != 0;
    // The highest rate is that of the first step, which is this one.
    for (size_t i = 0; i < u.size(); ++i) {
      if (decoupled) x.p[i] -= lr * decay * x.p[i];
      if (!decoupled) u[i] += decay * x.p[i];
    }
    double trust = 1;
    if (decay != 0 || o["always_adapt"] != 0) {
      if (norm(x.p) > 0 && norm(u) > 0) trust = norm(x.p) / norm(u);
      if (o["trust_clip"] != 0) trust = std::min(trust, 1.0);
    }
    for (size_t i = 0; i < u.size(); ++i) x.p[i] -= lr * trust * u[i];
  }
}

void timm_lars(std::vector<Tensor>& all, const Given& o, double lr, int t) {
  const double decay = o["weight_decay"], momentum = o["momentum"];
  for (Tensor& x : all) {
    Numbers& b = x.at("b");
    double trust = 1;
    const bool adapts = decay != 0 || o["always_adapt"] != 0;
    if (adapts && norm(x.p) > 0 && norm(x.g) > 0) {
      trust = o["trust_coeff"] * norm(x.p) / (norm(x.g) + decay * norm(x.p) + o["eps"]);
    }
    if (adapts && o["trust_clip"] != 0) trust = std::min(trust / lr, 1.0);
    for (size_t i = 0; i < b.size(); ++i) {
      const double g = (x.g[i] + decay * x.p[i]) * trust;
      b[i] = t == 1 ? g : momentum * b[i] + (1 - o["dampening"]) * g;
      x.p[i] -= lr * (momentum == 0 ? g : o["nesterov"] != 0 ? g + momentum * b[i] : b[i]);
    }
  }
}

void timm_lion(std::vector<Tensor>& all, const Given& o, double lr, int) {
  const bool corrected = o["corrected_weight_decay"] != 0;
  const double decay = o["weight_decay"] * (corrected ? lr * lr / o["max_lr_snapshot"] : lr);
  for (Tensor& x : all) {
    Numbers &m = x.at("m"), u(x.p.size());
    for (size_t i = 0; i < u.size(); ++i) {
      if (o["maximize"] != 0) x.g[i] = -x.g[i];
      x.p[i] *= 1 - decay;
      u[i] = sign(o["beta1"] * m[i] + (1 - o["beta1"]) * x.g[i]);
      m[i] = o["beta2"] * m[i] + (1 - o["beta2"]) * x.g[i];
    }
    if (o["caution"] != 0) be_cautious(u, x.g, false);
    for (size_t i = 0; i < u.size(); ++i) x.p[i] -= lr * u[i];
  }
}

void adan(Tensor& x, const Given& o, double lr, int t, const Numbers& first, bool decay_first,
          bool caution) {
  const double b1 = o["beta1"], b2 = o["beta2"], b3 = o["beta3"];
  const double decay = lr * o["weight_decay"];
  Numbers &m = x.at("m"), &s = x.at("s"), &n = x.at("n"), &former = x.at("former");
  if (t == 1) former = first;
  for (size_t i = 0; i < m.size(); ++i) {
    const double d = x.g[i] - former[i], both = x.g[i] + b2 * d;
    m[i] = b1 * m[i] + (1 - b1) * x.g[i];
    s[i] = b2 * s[i] + (1 - b2) * d;
    n[i] = b3 * n[i] + (1 - b3) * both * both;
  }
  Numbers used = m;
  if (caution) be_cautious(used, x.g, false);
  for (size_t i = 0; i < m.size(); ++i) {
    const double den = std::sqrt(n[i] / (1 - std::pow(b3, t))) + o["eps"];
    if (decay_first) x.p[i] *= 1 - decay;
    x.p[i] -= lr / (1 - std::pow(b1, t)) * used[i] / den;
    x.p[i] -= lr * b2 / (1 - std::pow(b2, t)) * s[i] / den;
    if (!decay_first) x.p[i] /= 1 + decay;
  }
  former = x.g;
}

void timm_adan(std::vector<Tensor>& all, const Given& o, double lr, int t) {
  for (Tensor& x : all) adan(x, o, lr, t, x.g, o["no_prox"] != 0, o["caution"] != 0);
}

double clip(const std::vector<Tensor>& all, const Given& o, bool clips) {
  if (!clips || o["max_grad_norm"] == 0) return 1;
  return std::min(1.0, o["max_grad_norm"] / (global_norm(all) + o["eps"]));
}

void po_adan(std::vector<Tensor>& all, const Given& o, double lr, int t) {
  const double scale = clip(all, o, true);
  for (Tensor& x : all) {
    for (double& g : x.g) g *= scale;
    const Numbers first = x.g;
    if (o["maximize"] != 0) {
      for (double& g : x.g) g = -g;
    }
    adan(x, o, lr, t, first, o["weight_decouple"] != 0, false);
  }
}

void po_lamb(std::vector<Tensor>& all, const Given& o, double lr, int t) {
  const double b1 = o["beta1"], b2 = o["beta2"], decay = o["weight_decay"];
  const double scale = clip(all, o, o["pre_norm"] != 0);
  double rate = o["adam_debias"] != 0 ? lr : lr / (1 - std::pow(b1, t));
  bool squares = true;
  if (o["rectify"] != 0) {
    const double power = std::pow(b2, t), most = 2 / (1 - b2) - 1;
    const double n = most - 2 * t * power / (1 - power);
    squares = n >= o["n_sma_threshold"];
    rate *= squares
                ? std::sqrt((1 - power) * (n - 4) / (most - 4) * (n - 2) / n * most / (most - 2))
                : 1;
  }
  for (Tensor& x : all) {
    Numbers &m = x.at("m"), &v = x.at("v"), u(x.p.size());
    for (size_t i = 0; i < u.size(); ++i) {
      const double g = x.g[i] * scale * (o["maximize"] != 0 ? -1 : 1);
      m[i] = b1 * m[i] + (o["grad_averaging"] != 0 ? 1 - b1 : 1) * g;
      v[i] = b2 * v[i] + (1 - b2) * g * g;
      if (o["weight_decouple"] != 0) x.p[i] *= 1 - decay * (o["fixed_decay"] != 0 ? 1 : lr);
      u[i] = squares ? m[i] / (std::sqrt(v[i]) + o["eps"]) : m[i];
      if (o["weight_decouple"] == 0) u[i] += decay * x.p[i];
    }
    Numbers measured = u;
    for (size_t i = 0; o["rectify"] != 0 && i < u.size(); ++i) measured[i] = x.p[i] - rate * u[i];
    double trust = 1;
    if (o["adam"] == 0 && norm(x.p) != 0 && norm(measured) != 0) {
      trust = std::min(norm(x.p), 10.0) / (norm(measured) + o["eps"]);
    }
    for (size_t i = 0; i < u.size(); ++i) x.p[i] -= rate * trust * u[i];
  }
}

void po_lars(std::vector<Tensor>& all, const Given& o, double lr, int) {
  const double decay = o["weight_decay"], momentum = o["momentum"];
  for (Tensor& x : all) {
    Numbers& b = x.at("b");
    const bool adapts = x.dims > 1;
    const double weights = norm(x.p), below = norm(x.g) + decay * weights;
    const double trust =
        adapts && weights > 0 && below > 0 ? o["trust_coefficient"] * weights / below : 1;
    for (size_t i = 0; i < b.size(); ++i) {
      double g = o["maximize"] != 0 ? -x.g[i] : x.g[i];
      if (adapts) g = (g + decay * x.p[i]) * trust;
      b[i] = momentum * b[i] + (1 - o["dampening"]) * g;
      x.p[i] -= lr * (momentum == 0 ? g : o["nesterov"] != 0 ? g + momentum * b[i] : b[i]);
    }
  }
}

void po_lion(std::vector<Tensor>& all, const Given& o, double lr, int) {
  const double decay = o["weight_decay"];
  for (Tensor& x : all) {
    Numbers &m = x.at("m"), u(x.p.size());
    for (size_t i = 0; i < u.size(); ++i) {
      if (o["maximize"] != 0) x.g[i] = -x.g[i];
      if (o["weight_decouple"] != 0) x.p[i] *= 1 - decay * (o["fixed_decay"] != 0 ? 1 : lr);
      if (o["weight_decouple"] == 0) x.g[i] += decay * x.p[i];
      u[i] = sign(o["beta1"] * m[i] + (1 - o["beta1"]) * x.g[i]);
      m[i] = o["beta2"] * m[i] + (1 - o["beta2"]) * x.g[i];
    }
    if (o["cautious"] != 0) be_cautious(u, x.g, true);
    for (size_t i = 0; i < u.size(); ++i) x.p[i] -= lr * u[i];
  }
}

// Keeps x, which the classes never do. `update` makes u of one element.
template <class Update>
void schedule_free(std::vector<Tensor>& all, const Given& o, double lr, int t, double beta,
                   double factor, Update&& update) {
  const double warmup = o["warmup_steps"];
  const auto rate = [&](int k) { return lr * (k <= warmup ? k / warmup : 1); };
  const auto weight = [&](int k) {
    return std::pow(k, o["r"]) * std::pow(rate(k), o["weight_lr_power"]);
  };
  double sum = 0;
  for (int k = 1; k <= t; ++k) sum += weight(k);
  double c = weight(t) / sum;
  if (factor > 0) c = std::min(1.0, c * factor);
  for (Tensor& y : all) {
    Numbers &z = y.at("z"), &x = y.at("x");
    if (t == 1) z = x = y.p;
    for (size_t i = 0; i < z.size(); ++i) {
      z[i] -= rate(t) * update(y, i);
      x[i] = (1 - c) * x[i] + c * z[i];
      y.p[i] = (1 - beta) * z[i] + beta * x[i];
    }
  }
}

void sf_sgd(std::vector<Tensor>& all, const Given& o, double lr, int t) {
  schedule_free(all, o, lr, t, o["momentum"], 0,
                [&](Tensor& y, size_t i) { return y.g[i] + o["weight_decay"] * y.p[i]; });
}

void sf_adamw(std::vector<Tensor>& all, const Given& o, double lr, int t) {
  const double b2 = o["beta2"];
  schedule_free(all, o, lr, t, o["beta1"], 0, [&](Tensor& y, size_t i) {
    double& v = y.at("v")[i];
    v = b2 * v + (1 - b2) * y.g[i] * y.g[i];
    return y.g[i] / (std::sqrt(v / (1 - std::pow(b2, t))) + o["eps"]) + o["weight_decay"] * y.p[i];
  });
}

void po_schedule_free(std::vector<Tensor>& all, const Given& o, double lr, int t) {
  const double b2 = o["beta2"];
  schedule_free(all, o, lr, t, o["beta1"], (1 - o["beta1"]) * o["decoupling_c"],
                [&](Tensor& y, size_t i) {
                  const double g = o["maximize"] != 0 ? -y.g[i] : y.g[i];
                  double &v = y.at("v")[i], &most = y.at("most")[i];
                  v = b2 * v + (1 - b2) * g * g;
                  double square = v / (1 - std::pow(b2, t));
                  most = std::max(most, square);
                  if (o["ams_bound"] != 0) square = most;
                  return g / (std::sqrt(square + 1e-15) + o["eps"]) + o["weight_decay"] * y.p[i];
                });
}

Step step_of(const Configuration& c) {
  static const std::map<std::string, Step> all = {
      {"timm.optim.Lamb", timm_lamb},
      {"timm.optim.Lars", timm_lars},
      {"timm.optim.Lion", timm_lion},
      {"timm.optim.Adan", timm_adan},
      {"pytorch_optimizer.Lamb", po_lamb},
      {"pytorch_optimizer.LARS", po_lars},
      {"pytorch_optimizer.Lion", po_lion},
      {"pytorch_optimizer.Adan", po_adan},
      {"pytorch_optimizer.ScheduleFreeAdamW", po_schedule_free},
      {"schedulefree.AdamWScheduleFree", sf_adamw},
      {"schedulefree.SGDScheduleFree", sf_sgd}};
  return all.at(c.class_name);
}

// The loops leave out what needs more than a line: recorded steps cover that.
bool has_loop(const Configuration& c) {
  const std::string options = std::string("\n") + c.options + "\n";
  const Given given(c);
  for (const char* name : {"adanorm", "use_gc"}) {
    if (options.find("\n" + std::string(name) + "\n") != std::string::npos && given[name] != 0) {
      return false;
    }
  }
  return true;
}

template <class T>
void equals_loop(const Configuration& c, double tol) {
  AddedRun<T> run(c, shapes());
  Tensors<T> gradients(shapes());
  std::vector<Tensor> expected;
  for (size_t i = 0; i < shapes().size(); ++i) {
    const auto& start = run.params.data[i];
    expected.push_back({Numbers(start.begin(), start.end()), {}, shapes()[i].size(), {}});
  }
  for (int t = 1; t <= kSteps; ++t) {
    gradients.fill(100 + t - 1);
    run.run(t - 1, t, kRate);
    for (size_t i = 0; i < expected.size(); ++i) {
      expected[i].g.assign(gradients.data[i].begin(), gradients.data[i].end());
    }
    step_of(c)(expected, Given(c), kRate, t);
    for (size_t i = 0; i < expected.size(); ++i) {
      for (size_t j = 0; j < expected[i].p.size(); ++j) {
        CHECK_NEAR(run.params.data[i][j], expected[i].p[j], tol);
      }
    }
  }
  if (ob_torch_has_eval_weights(run.optimizer) == 0) {
    const Outcome refused(ob_torch_move_weights(run.optimizer, 1));
    CHECK(refused.code == OB_INVALID && refused.says("very weights"));
    return;
  }
  CHECK(Outcome(ob_torch_move_weights(run.optimizer, 1)).ok());
  for (size_t i = 0; i < expected.size(); ++i) {
    for (size_t j = 0; j < expected[i].p.size(); ++j) {
      CHECK_NEAR(run.params.data[i][j], expected[i].at("x")[j], tol);
    }
  }
  CHECK(Outcome(ob_torch_move_weights(run.optimizer, 0)).ok());
  for (size_t i = 0; i < expected.size(); ++i) {
    for (size_t j = 0; j < expected[i].p.size(); ++j) {
      CHECK_NEAR(run.params.data[i][j], expected[i].p[j], tol);
    }
  }
}

}  // namespace
}  // namespace ob_test

int main() {
  using namespace ob_test;
  for (const Configuration& c : of_packages()) {
    if (has_loop(c)) {
      equals_loop<float>(c, 1e-5);
      // Some clip by a factor in float32.
      equals_loop<double>(c, std::string(c.class_name).rfind("pytorch", 0) == 0 ? 1e-7 : 1e-12);
    }
    interruptions_change_nothing<float>(c, shapes());
    interruptions_change_nothing<double>(c, shapes());
  }
  return result();
}
