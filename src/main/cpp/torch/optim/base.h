// What the optimizers in this folder share. Python's torch.optim, or a package beside it, has them,
// libtorch's C++ API does not. They are classes of torch::optim's kind and work without the rest of
// the bridge as well.
//
// A class lists its options and the tensors of its state in `each(self, visit)`; from that come
// serialization, the options' values and the state's slots. It defines update(p, options, state),
// the step, for which state.step counts already; or it is divisible, see parts.h.
//
// No file here may have the name of one of libtorch's torch/optim, which it would hide.
#pragma once

#include <ATen/core/grad_mode.h>
#include <torch/optim/optimizer.h>
#include <torch/optim/serialize.h>
#include <torch/serialize/archive.h>

#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "torch/gradients.h"
#include "torch/slots.h"
#include "torch/views.h"

namespace optibridge::torch_bridge::optim {

template <class Derived>
class OptionsOf : public torch::optim::OptimizerCloneableOptions<Derived> {
 public:
  explicit OptionsOf(double rate) : lr(rate) {}
  double get_lr() const override { return lr; }
  void set_lr(double rate) override { lr = rate; }

  void serialize(torch::serialize::InputArchive& archive) override {
    const auto read = [&](const char* name, auto& value) {
      c10::IValue found;
      if (archive.try_read(name, found)) value = found.to<std::decay_t<decltype(value)>>();
    };
    read("lr", lr);
    Derived::each(static_cast<Derived&>(*this), read);
  }
  void serialize(torch::serialize::OutputArchive& archive) const override {
    const auto write = [&](const char* name, const auto& value) {
      archive.write(name, c10::IValue(value));
    };
    write("lr", lr);
    Derived::each(static_cast<const Derived&>(*this), write);
  }

  double lr;
};

template <class Derived>
class StateOf : public torch::optim::OptimizerCloneableParamState<Derived> {
 public:
  void serialize(torch::serialize::InputArchive& archive) override {
    c10::IValue found;
    if (archive.try_read("step", found)) step = found.toInt();
    Derived::each(static_cast<Derived&>(*this), [&](const SlotSpec& slot, at::Tensor& tensor) {
      if (archive.try_read(slot.name, found)) tensor = found.toTensor();
    });
  }
  void serialize(torch::serialize::OutputArchive& archive) const override {
    archive.write("step", c10::IValue(step));
    Derived::each(static_cast<const Derived&>(*this),
                  [&](const SlotSpec& slot, const at::Tensor& tensor) {
                    if (tensor.defined()) archive.write(slot.name, c10::IValue(tensor));
                  });
  }

  int64_t step = 0;
};

// Whether a class has slots of shapes of their own.
template <class Optimizer, class = void>
struct HasSlotShape : std::false_type {};
template <class Optimizer>
struct HasSlotShape<Optimizer, std::void_t<decltype(&Optimizer::slot_shape)>> : std::true_type {};

template <class Derived, class OptionsType, class StateType>
class OptimizerOf : public torch::optim::Optimizer {
 public:
  using Options = OptionsType;
  using State = StateType;

  explicit OptimizerOf(const std::vector<torch::optim::OptimizerParamGroup>& groups,
                       const Options& defaults = Options())
      : Optimizer(groups, std::make_unique<Options>(defaults)) {}
  explicit OptimizerOf(std::vector<at::Tensor> params, const Options& defaults = Options())
      : Optimizer(std::move(params), std::make_unique<Options>(defaults)) {}

  at::Tensor step(LossClosure closure = nullptr) override {
    const at::NoGradGuard no_grad;
    at::Tensor loss;
    if (closure != nullptr) {
      const at::AutoGradMode enable_grad(true);
      loss = closure();
    }
    std::vector<at::Tensor> gradients;
    for (auto& group : param_groups_) {
      for (const at::Tensor& p : group.params()) {
        if (p.grad().defined()) gradients.push_back(p.grad());
      }
    }
    const Gradients all({&gradients});
    for (auto& group : param_groups_) {
      auto& options = static_cast<Options&>(group.options());
      Derived::look(options, all);
      for (const at::Tensor& p : group.params()) {
        if (p.grad().defined()) step_one(p, options);
      }
    }
    return loss;
  }

  void save(torch::serialize::OutputArchive& archive) const override { archived(*this, archive); }
  void load(torch::serialize::InputArchive& archive) override { archived(*this, archive); }

  // What follows are defaults for the classes.

  // Whether a configuration has a state tensor of that name.
  static bool has_slot(const std::string&, const Options&) { return true; }
  // Before a step: what depends on the gradients of all parameters.
  static void look(Options&, const Gradients&) {}
  // Makes those state tensors that aren't there yet; the bridge's slots are.
  static void start(const at::Tensor& p, const Options& options, State& state) {
    State::each(state, [&](const SlotSpec& slot, at::Tensor& tensor) {
      if (!tensor.defined() && Derived::has_slot(slot.name, options))
        tensor = made<Derived>(slot, p);
    });
  }

 private:
  template <class Class>
  static at::Tensor made(const SlotSpec& slot, const at::Tensor& p) {
    switch (slot.kind) {
      case SlotSpec::SCALAR:
        return at::full({}, slot.initial, p.options().dtype(at::kFloat));
      case SlotSpec::SCALAR64:
        return at::full({}, slot.initial, p.options().dtype(at::kDouble));
      case SlotSpec::SHAPED:
        if constexpr (HasSlotShape<Class>::value) {
          return at::full(Class::slot_shape(slot.name, p.sizes()), slot.initial, p.options());
        }
        [[fallthrough]];
      case SlotSpec::LIKE:
        break;
    }
    return at::full_like(p, slot.initial, p.options(), at::MemoryFormat::Preserve);
  }

  void step_one(const at::Tensor& p, const Options& options) {
    TORCH_CHECK(!p.grad().is_sparse(), "sparse gradients are not supported");
    auto& entry = state_[p.unsafeGetTensorImpl()];
    if (entry == nullptr) entry = std::make_unique<State>();
    auto& state = static_cast<State&>(*entry);
    if (state.step == 0) Derived::start(p, options, state);
    ++state.step;
    if (p.numel() > 0) Derived::update(p, options, state);
  }

  template <class Self, class Archive>
  static void archived(Self& self, Archive& archive) {
    torch::optim::serialize<State, Options>(archive, self);
  }
};

}  // namespace optibridge::torch_bridge::optim
