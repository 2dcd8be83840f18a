// An optimizer of any state slots with the memory it works on, for tests.
#pragma once

#include <algorithm>

#include "torch_support.h"

namespace ob_test {

using Shapes = std::vector<std::vector<int64_t>>;

inline int64_t numel_of(const std::vector<int64_t>& shape) {
  int64_t numel = 1;
  for (int64_t extent : shape) numel *= extent;
  return numel;
}

// One tensor for each shape, of elements of T.
template <class T>
struct Tensors {
  explicit Tensors(Shapes all, double value = 0) : shapes(std::move(all)) {
    for (const auto& shape : shapes) {
      data.emplace_back(numel_of(shape), static_cast<T>(value));
      names.push_back("t" + std::to_string(names.size()));
    }
  }
  // Values in (-1, 1) that depend on the seed.
  void fill(int seed) {
    int position = 0;
    for (auto& tensor : data) {
      for (auto& x : tensor) x = static_cast<T>(std::sin(1.0 + seed * 1.7 + 0.37 * position++));
    }
  }
  void append_to(std::vector<ob_tensor>& all) {
    for (size_t i = 0; i < data.size(); ++i) {
      all.push_back({data[i].data(), static_cast<int64_t>(data[i].size()), shapes[i].data(),
                     names[i].c_str(), static_cast<int32_t>(shapes[i].size()),
                     sizeof(T) == 4 ? OB_FLOAT32 : OB_FLOAT64, OB_CPU, 0, 0});
    }
  }

  Shapes shapes;
  std::vector<std::vector<T>> data;
  std::deque<std::string> names;
};

template <class T>
class AddedRun {
 public:
  AddedRun(const Configuration& configuration, const Shapes& shapes)
      : params(shapes), grads(shapes) {
    CHECK(create(configuration, 0, &optimizer).ok());
    if (optimizer == nullptr) return;
    params.fill(0);
    const std::string names = ob_torch_slots(optimizer);
    const int32_t count = 1 + static_cast<int32_t>(std::count(names.begin(), names.end(), '\n'));
    CHECK(ob_torch_slot_kind(optimizer, 0) == 1);
    CHECK(ob_torch_slot_kind(optimizer, count) == -1);
    for (int32_t s = 0; s < count; ++s) add_slot(s);
    bind();
  }
  ~AddedRun() { ob_torch_destroy(optimizer); }
  AddedRun(const AddedRun&) = delete;

  void bind() {
    std::vector<std::vector<ob_tensor>> arrays(2 + scalar.size());
    params.append_to(arrays[0]);
    grads.append_to(arrays[1]);
    std::vector<int64_t> addresses;
    for (size_t s = 0; s < scalar.size(); ++s) {
      // One of them has tensors.
      scalars[s].append_to(arrays[2 + s]);
      numbers[s].append_to(arrays[2 + s]);
      slots[s].append_to(arrays[2 + s]);
      addresses.push_back(reinterpret_cast<int64_t>(arrays[2 + s].data()));
    }
    CHECK(Outcome(ob_torch_bind(optimizer, arrays[0].data(), arrays[1].data(), addresses.data(),
                                static_cast<int32_t>(addresses.size()),
                                static_cast<int64_t>(params.data.size())))
              .ok());
  }
  // The same contents in other memory; the old memory is gone afterwards.
  void move() {
    const auto elsewhere = [](auto& tensors) {
      for (auto& tensor : tensors.data) {
        auto copy = tensor;
        tensor.swap(copy);
      }
    };
    elsewhere(params);
    elsewhere(grads);
    for (auto& slot : slots) elsewhere(slot);
    for (auto& slot : scalars) elsewhere(slot);
    for (auto& slot : numbers) elsewhere(slot);
    bind();
  }
  // Takes the weights and the whole state of another run.
  void take(const AddedRun& other) {
    params.data = other.params.data;
    for (size_t s = 0; s < scalar.size(); ++s) {
      slots[s].data = other.slots[s].data;
      scalars[s].data = other.scalars[s].data;
      numbers[s].data = other.numbers[s].data;
    }
    bind();
    CHECK(Outcome(ob_torch_sync(optimizer)).ok());
  }
  void run(int from, int to, double lr) {
    for (int i = from; i < to; ++i) {
      grads.fill(100 + i);
      CHECK(Outcome(ob_torch_step(optimizer, lr)).ok());
    }
  }
  bool same(const AddedRun& other) const {
    for (size_t s = 0; s < scalar.size(); ++s) {
      if (slots[s].data != other.slots[s].data || scalars[s].data != other.scalars[s].data ||
          numbers[s].data != other.numbers[s].data) {
        return false;
      }
    }
    return params.data == other.params.data;
  }

  ob_torch_optimizer* optimizer = nullptr;
  Tensors<T> params, grads;
  // All for each slot, one of them used.
  std::vector<Tensors<T>> slots;
  std::vector<Tensors<float>> scalars;
  std::vector<Tensors<double>> numbers;
  std::vector<bool> scalar;

 private:
  void add_slot(int32_t s) {
    const int32_t kind = ob_torch_slot_kind(optimizer, s);
    const double initial = ob_torch_slot_initial(optimizer, s);
    Shapes shapes = params.shapes;
    for (size_t i = 0; kind == 2 && i < shapes.size(); ++i) {
      std::vector<int64_t> out(shapes[i].size() + 2);
      const Outcome outcome(ob_torch_slot_shape(
          optimizer, s, "t", shapes[i].data(), static_cast<int32_t>(shapes[i].size()), out.data()));
      CHECK(outcome.ok());
      shapes[i].assign(out.begin() + 1, out.begin() + 1 + out[0]);
    }
    scalar.push_back(kind == 1 || kind == 3);
    slots.emplace_back(scalar.back() ? Shapes() : shapes, initial);
    scalars.emplace_back(kind == 1 ? Shapes(shapes.size()) : Shapes(), initial);
    numbers.emplace_back(kind == 3 ? Shapes(shapes.size()) : Shapes(), initial);
  }
};

constexpr int kSteps = 10;
constexpr double kRate = 0.02;

// Moving memory, or restoring state after any step, changes no bit.
template <class T>
void interruptions_change_nothing(const Configuration& c, const Shapes& all) {
  AddedRun<T> whole(c, all), moved(c, all);
  whole.run(0, kSteps, kRate);
  moved.run(0, 4, kRate);
  moved.move();
  moved.run(4, kSteps, kRate);
  CHECK(whole.same(moved));
  AddedRun<T> first(c, all);
  for (int k = 0; k <= kSteps; ++k) {
    AddedRun<T> second(c, all);
    second.run(50, 52, 3 * kRate);
    second.take(first);
    second.run(k, kSteps, kRate);
    CHECK(whole.same(second));
    if (k < kSteps) first.run(k, k + 1, kRate);
  }
}

// Each of a class's options by name, in a text and a list.
inline const char* const ADAMAX = "beta1\nbeta2\neps\nweight_decay\nmaximize";
inline const char* const NADAM =
    "beta1\nbeta2\neps\nweight_decay\nmomentum_decay\ndecoupled_weight_decay\nmaximize";
inline const char* const RADAM =
    "beta1\nbeta2\neps\nweight_decay\ndecoupled_weight_decay\nmaximize";
inline const char* const ADADELTA = "rho\neps\nweight_decay\nmaximize";
inline const char* const ASGD = "lambd\nalpha\nt0\nweight_decay\nmaximize";
inline const char* const RPROP = "etaminus\netaplus\nstep_size_min\nstep_size_max\nmaximize";
inline const char* const ADAFACTOR = "beta2_decay\neps1\neps2\nd\nweight_decay\nmaximize";
inline const char* const MUON =
    "weight_decay\nmomentum\nnesterov\nns_a\nns_b\nns_c\neps\nns_steps\nmatch_rms_adamw";

// Those of packages beside torch.
inline const char* const TIMM_LAMB =
    "bias_correction\nbeta1\nbeta2\neps\nweight_decay\ngrad_averaging\nmax_grad_norm\ntrust_clip\n"
    "always_adapt\ncaution\ndecoupled_decay\ncorrected_weight_decay\nmax_lr_snapshot";
inline const char* const TIMM_LARS =
    "momentum\ndampening\nweight_decay\nnesterov\ntrust_coeff\neps\ntrust_clip\nalways_adapt";
inline const char* const TIMM_LION =
    "beta1\nbeta2\nweight_decay\ncaution\ncorrected_weight_decay\nmax_lr_snapshot\nmaximize";
inline const char* const TIMM_ADAN = "beta1\nbeta2\nbeta3\neps\nweight_decay\nno_prox\ncaution";
inline const char* const PO_LAMB =
    "beta1\nbeta2\nweight_decay\nweight_decouple\nfixed_decay\nrectify\ndegenerated_to_sgd\n"
    "n_sma_threshold\ngrad_averaging\nmax_grad_norm\nadam\npre_norm\neps\nmaximize\nadanorm\n"
    "adanorm_r\nadam_debias";
inline const char* const PO_LARS =
    "weight_decay\nmomentum\ndampening\ntrust_coefficient\nnesterov\nmaximize";
inline const char* const PO_LION =
    "beta1\nbeta2\nweight_decay\nweight_decouple\nfixed_decay\nmaximize\nuse_gc\nadanorm\n"
    "adanorm_r\ncautious";
inline const char* const PO_ADAN =
    "beta1\nbeta2\nbeta3\nweight_decay\nweight_decouple\nmax_grad_norm\neps\nmaximize\nuse_gc\n"
    "adanorm\nadanorm_r";
inline const char* const PO_SCHEDULE_FREE =
    "beta1\nbeta2\nweight_decay\nr\nweight_lr_power\nwarmup_steps\ndecoupling_c\nams_bound\neps\n"
    "maximize";
inline const char* const SCHEDULE_FREE_ADAMW =
    "beta1\nbeta2\neps\nweight_decay\nwarmup_steps\nr\nweight_lr_power";
inline const char* const SCHEDULE_FREE_SGD =
    "momentum\nweight_decay\nwarmup_steps\nr\nweight_lr_power";

// Configurations of all of them, among which each way through the code is taken.
inline std::vector<Configuration> of_packages() {
  const double none = std::nan("");
  return {
      {"timm.optim.Lamb", TIMM_LAMB, {1, 0.9, 0.99, 1e-6, 0.01, 1, 1, 0, 0, 0, 0, 0, none}},
      {"timm.optim.Lamb", TIMM_LAMB, {0, 0.8, 0.9, 1e-3, 0.1, 0, none, 1, 0, 1, 1, 1, none}},
      {"timm.optim.Lamb", TIMM_LAMB, {1, 0.9, 0.99, 1e-6, 0, 1, none, 0, 0, 0, 0, 0, none}},
      {"timm.optim.Lamb", TIMM_LAMB, {1, 0.9, 0.99, 1e-6, 0, 1, 0.5, 0, 0, 1, 0, 0, none}},
      {"timm.optim.Lars", TIMM_LARS, {0.9, 0.1, 0.01, 0, 0.1, 1e-8, 0, 0}},
      {"timm.optim.Lars", TIMM_LARS, {0.8, 0, 0, 1, 0.1, 1e-3, 1, 1}},
      {"timm.optim.Lars", TIMM_LARS, {0, 0, 0, 0, 0.1, 1e-3, 0, 0}},
      {"timm.optim.Lion", TIMM_LION, {0.9, 0.99, 0.1, 0, 0, none, 0}},
      {"timm.optim.Lion", TIMM_LION, {0.5, 0.8, 0.1, 1, 1, 0.5, 1}},
      {"timm.optim.Adan", TIMM_ADAN, {0.98, 0.92, 0.99, 1e-8, 0.1, 0, 0}},
      {"timm.optim.Adan", TIMM_ADAN, {0.9, 0.5, 0.8, 1e-3, 0.1, 1, 1}},
      {"pytorch_optimizer.Lamb",
       PO_LAMB,
       {0.9, 0.99, 0.1, 1, 0, 0, 0, 5, 1, 1, 0, 1, 1e-6, 0, 0, 0.95, 0}},
      {"pytorch_optimizer.Lamb",
       PO_LAMB,
       {0.5, 0.7, 0.1, 0, 0, 0, 0, 5, 0, 1, 0, 0, 1e-3, 1, 0, 0.95, 1}},
      {"pytorch_optimizer.Lamb",
       PO_LAMB,
       {0.9, 0.8, 0.1, 1, 1, 1, 1, 5, 1, 1, 0, 0, 1e-6, 0, 0, 0.95, 0}},
      {"pytorch_optimizer.Lamb",
       PO_LAMB,
       {0.9, 0.8, 0.1, 1, 1, 0, 0, 5, 1, 1, 1, 0, 1e-6, 0, 0, 0.95, 0}},
      {"pytorch_optimizer.Lamb",
       PO_LAMB,
       {0.9, 0.8, 0, 1, 0, 0, 0, 5, 1, 1, 0, 0, 1e-6, 0, 1, 0.5, 0}},
      {"pytorch_optimizer.LARS", PO_LARS, {0.1, 0.9, 0.2, 0.1, 1, 0}},
      {"pytorch_optimizer.LARS", PO_LARS, {0, 0, 0, 0.1, 0, 1}},
      {"pytorch_optimizer.Lion", PO_LION, {0.9, 0.99, 0.1, 1, 0, 0, 0, 0, 0.95, 0}},
      {"pytorch_optimizer.Lion", PO_LION, {0.5, 0.8, 0.1, 0, 0, 1, 0, 0, 0.95, 1}},
      {"pytorch_optimizer.Lion", PO_LION, {0.5, 0.8, 0.1, 1, 1, 0, 1, 1, 0.5, 0}},
      {"pytorch_optimizer.Adan", PO_ADAN, {0.98, 0.92, 0.99, 0.1, 0, 0.5, 1e-8, 1, 0, 0, 0.95}},
      {"pytorch_optimizer.Adan", PO_ADAN, {0.9, 0.5, 0.8, 0.1, 1, 0, 1e-3, 0, 0, 0, 0.95}},
      {"pytorch_optimizer.Adan", PO_ADAN, {0.9, 0.5, 0.8, 0, 1, 0, 1e-3, 0, 1, 1, 0.5}},
      {"pytorch_optimizer.ScheduleFreeAdamW",
       PO_SCHEDULE_FREE,
       {0.9, 0.99, 0.1, 1, 2, 3, 0, 1, 1e-8, 1}},
      {"pytorch_optimizer.ScheduleFreeAdamW",
       PO_SCHEDULE_FREE,
       {0.9, 0.99, 0, 0, 1, 0, 50, 0, 1e-3, 0}},
      {"schedulefree.AdamWScheduleFree", SCHEDULE_FREE_ADAMW, {0.9, 0.99, 1e-8, 0.1, 3, 0.5, 2}},
      {"schedulefree.SGDScheduleFree", SCHEDULE_FREE_SGD, {0.9, 0.1, 3, 0.5, 2}}};
}

}  // namespace ob_test
