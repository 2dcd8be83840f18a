// What the optimizers in this folder share. Python's torch.optim has them, libtorch's C++ API does
// not. They are classes of torch::optim's kind and work without the rest of the bridge as well.
//
// A class lists its options and the tensors of its state in `each(self, visit)`; from that come
// serialization, the options' values and the state's slots. It defines
//   start(p, options, state): what the state of p is before the first step, at the options' lr;
//   update(p, options, state): the step; state.step counts it already.
//
// No file here may have the name of one of libtorch's torch/optim, which it would hide.
#pragma once

#include <ATen/core/grad_mode.h>
#include <torch/optim/optimizer.h>
#include <torch/optim/serialize.h>
#include <torch/serialize/archive.h>

#include <memory>
#include <utility>
#include <vector>

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
    for (auto& group : param_groups_) {
      const auto& options = static_cast<const Options&>(group.options());
      for (const at::Tensor& p : group.params()) {
        if (p.grad().defined()) step_one(p, options);
      }
    }
    return loss;
  }

  void save(torch::serialize::OutputArchive& archive) const override { archived(*this, archive); }
  void load(torch::serialize::InputArchive& archive) override { archived(*this, archive); }

 private:
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

// The gradient that a step works with: the ascent of `maximize` first, then a coupled decay.
inline at::Tensor gradient(const at::Tensor& p, bool maximize, double weight_decay) {
  if (!maximize) return weight_decay == 0 ? p.grad() : at::add(p.grad(), p, weight_decay);
  at::Tensor negated = p.grad().neg();
  if (weight_decay != 0) negated.add_(p, weight_decay);
  return negated;
}

// The same where the options say whether the decay is coupled; a decoupled one shrinks p at once.
template <class Options>
at::Tensor decayed_gradient(const at::Tensor& p, const Options& options) {
  const double decay = options.weight_decay;
  if (!options.decoupled_weight_decay) return gradient(p, options.maximize, decay);
  if (decay != 0) p.mul_(1 - options.lr * decay);
  return gradient(p, options.maximize, 0);
}

// For `start`: makes a state tensor that isn't there yet; the bridge's slots are.
inline void begin(at::Tensor& tensor, const at::Tensor& p) {
  if (!tensor.defined()) tensor = at::zeros_like(p, at::MemoryFormat::Preserve);
}

inline void begin_scalar(at::Tensor& tensor, const at::Tensor& p, double value) {
  if (!tensor.defined()) tensor = at::full({}, value, p.options().dtype(at::kFloat));
}

}  // namespace optibridge::torch_bridge::optim
