// What the TensorFlow bridge computes, where, and what it copies meanwhile.
#include <functional>

#include "tensorflow_support.h"

namespace ob_test {
namespace {

const std::vector<int64_t> kSizes = {3, 16, 1, 700};

// One element's weight and slots, in double precision.
struct Element {
  double w, m, v;
};
using Formula = std::function<void(Element& e, double g, double lr, int64_t t)>;

void adam(Element& e, double g, double lr, int64_t t) {
  e.m += (g - e.m) * (1 - 0.9);
  e.v += (g * g - e.v) * (1 - 0.99);
  const double n = static_cast<double>(t);
  e.w -= lr * std::sqrt(1 - std::pow(0.99, n)) / (1 - std::pow(0.9, n)) * e.m /
         (std::sqrt(e.v) + 1e-7);
}

// As Keras writes it, without the shortcuts that the bridge takes.
void nadam(Element& e, double g, double lr, int64_t t) {
  const auto share = [](int64_t at) { return 0.9 * (1 - 0.5 * std::pow(0.96, at)); };
  double product = 1;
  for (int64_t i = 1; i <= t; i++) product *= share(i);
  e.m += (g - e.m) * (1 - 0.9);
  e.v += (g * g - e.v) * (1 - 0.99);
  const double m =
      share(t + 1) * e.m / (1 - product * share(t + 1)) + (1 - share(t)) * g / (1 - product);
  const double v = e.v / (1 - std::pow(0.99, t));
  e.w -= lr * m / (std::sqrt(v) + 1e-7);
}

void schedule_free(Element& e, double g, double lr, int64_t t) {
  e.v += (g * g - e.v) * (1 - 0.99);
  e.m -= lr * g / (std::sqrt(e.v / (1 - std::pow(0.99, t))) + 1e-7);
  const double x = (e.w - 0.1 * e.m) / 0.9;
  e.w = 0.1 * e.m + 0.9 * ((1 - 1.0 / t) * x + e.m / t);
}

void lion(Element& e, double g, double lr, int64_t) {
  const double c = 0.9 * e.m + (1 - 0.9) * g;
  e.w -= lr * (c > 0 ? 1 : c < 0 ? -1 : 0);
  e.m += (g - e.m) * (1 - 0.99);
}

void adagrad(Element& e, double g, double lr, int64_t) {
  e.m += g * g;
  e.w -= lr * g / std::sqrt(e.m + 1e-7);
}

void follows(const char* class_name, const Formula& formula, int layout) {
  Run run(class_name, kSizes, layout);
  run.weights.set(0.5);
  for (size_t i = 0; i < run.slots.size(); i++) {
    if (ob_tf_slot_kind(run.optimizer, static_cast<int32_t>(i)) == 4) run.slots[i]->set(0.5);
  }
  const auto first = [&](size_t slot) {
    return run.slots.size() > slot ? *run.slots[slot]->at(0) : 0.0;
  };
  const Element start{0.5, first(0), first(1)};
  CHECK(run.bind().ok());
  const int64_t copied = ob_counter(OB_COPIED_BYTES);
  const int64_t live = ob_counter(OB_LIVE_BYTES);
  for (int64_t t = 1; t <= 5; t++) CHECK(run.step(0.01, t).ok());
  CHECK(ob_counter(OB_COPIED_BYTES) == copied);
  CHECK(ob_counter(OB_LIVE_BYTES) == live);
  for (size_t i = 0; i < kSizes.size(); i++) {
    for (int64_t j = 0; j < kSizes[i]; j++) {
      Element e = start;
      for (int64_t t = 1; t <= 5; t++) formula(e, run.gradients.at(i)[j], 0.01, t);
      CHECK_NEAR(run.weights.at(i)[j], e.w, 1e-6);
      CHECK_NEAR(run.slots[0]->at(i)[j], e.m, 2e-6);
      if (run.slots.size() > 1) CHECK_NEAR(run.slots[1]->at(i)[j], e.v, 2e-6);
    }
  }
}

void layouts() {
  const int64_t live = ob_counter(OB_LIVE_BYTES);
  {
    const Variables merged(kSizes, kMerged);
    const Variables flat(kSizes, kFlat);
    CHECK(ob_counter(OB_LIVE_BYTES) - live >= 2 * 4 * 720);
    for (size_t i = 0; i < kSizes.size(); i++) {
      CHECK(merged.addresses[i] % 64 == 0);
      CHECK(flat.addresses[i] % 64 == 0);
      for (int64_t j = 0; j < kSizes[i]; j++) CHECK(merged.at(i)[j] == 0 && flat.at(i)[j] == 0);
    }
    for (size_t i = 1; i < kSizes.size(); i++) {
      CHECK(merged.addresses[i] ==
            merged.addresses[i - 1] + static_cast<int64_t>(Gradients::padded(kSizes[i - 1])));
    }
  }
  CHECK(ob_counter(OB_LIVE_BYTES) == live);
}

// A gradient that TensorFlow can't read where it is is copied at each step, and counted.
void misaligned() {
  Run straight("Adam", kSizes, kFlat);
  Run shifted("Adam", kSizes, kFlat, 4);
  CHECK(straight.bind().ok());
  CHECK(shifted.bind().ok());
  const int64_t copied = ob_counter(OB_COPIED_BYTES);
  CHECK(straight.step(0.01, 1).ok());
  CHECK(ob_counter(OB_COPIED_BYTES) == copied);
  CHECK(shifted.step(0.01, 1).ok());
  CHECK(ob_counter(OB_COPIED_BYTES) - copied == 4 * 720);
  for (size_t i = 0; i < kSizes.size(); i++) {
    for (int64_t j = 0; j < kSizes[i]; j++)
      CHECK(straight.weights.at(i)[j] == shifted.weights.at(i)[j]);
  }
  Run merged("Adam", kSizes, kMerged, 4);
  const Outcome outcome = merged.bind();
  CHECK(outcome.code == OB_INVALID);
  CHECK(outcome.says("do not lie as the merged variables do"));
  CHECK(merged.step(0.01, 1).says("nothing is bound yet"));
}

}  // namespace
}  // namespace ob_test

int main() {
  for (const int layout : {ob_test::kFlat, ob_test::kMerged}) {
    ob_test::follows("Adam", ob_test::adam, layout);
    ob_test::follows("Nadam", ob_test::nadam, layout);
    ob_test::follows("ScheduleFreeAdamW", ob_test::schedule_free, layout);
    ob_test::follows("Lion", ob_test::lion, layout);
    ob_test::follows("Adagrad", ob_test::adagrad, layout);
  }
  ob_test::layouts();
  ob_test::misaligned();
  return ob_test::result();
}
