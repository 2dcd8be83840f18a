// Optimizers of torch::optim's kind. Their state objects are ours: they hold views of the slots, so
// that the slots are the state here as well.
#pragma once

#include <ATen/core/grad_mode.h>
#include <torch/optim/optimizer.h>

#include <memory>
#include <utility>
#include <vector>

#include "torch/algorithm.h"

namespace optibridge::torch_bridge {

using States = ska::flat_hash_map<void*, std::unique_ptr<torch::optim::OptimizerParamState>>;

// A class with one group of parameters. A subclass says how a state object looks; `make_state` may
// return null for a parameter that the class shall start by itself.
class Plain : public Algorithm {
 public:
  // negate: hand over negated gradients, for a class that has no option "maximize".
  Plain(std::unique_ptr<torch::optim::Optimizer> optimizer, bool negate)
      : optimizer_(std::move(optimizer)), negate_(negate) {}

  void bind(Binding binding) override {
    States states = make_states(binding);
    std::vector<at::Tensor> params = binding.params;
    give(binding, [](const at::Tensor& gradient) { return gradient; });
    optimizer_->state() = std::move(states);
    optimizer_->param_groups()[0].params() = std::move(params);
    binding_ = std::move(binding);
  }

  void sync() override { optimizer_->state() = make_states(binding_); }

  void step(double lr) override {
    const at::NoGradGuard no_grad;
    optimizer_->param_groups()[0].options().set_lr(lr);
    if (negate_) give(binding_, [](const at::Tensor& gradient) { return gradient.neg(); });
    optimizer_->step();
    if (negate_) give(binding_, [](const at::Tensor& gradient) { return gradient; });
    count_step(binding_);
    after_step();
  }

 protected:
  virtual std::unique_ptr<torch::optim::OptimizerParamState> make_state(const Binding& binding,
                                                                        size_t i) const = 0;
  virtual void after_step() {}

  static int64_t steps_of(const Binding& binding, size_t i) {
    return static_cast<int64_t>(scalar_of(binding.slots[0][i]));
  }

  States& states() { return optimizer_->state(); }

 private:
  // Each parameter gets its gradient, or what `of` makes of it.
  template <class Of>
  static void give(const Binding& binding, Of&& of) {
    for (size_t i = 0; i < binding.size(); ++i) {
      binding.params[i].mutable_grad() = of(binding.grads[i]);
    }
  }

  States make_states(const Binding& binding) const {
    States states;
    for (size_t i = 0; i < binding.size(); ++i) {
      auto state = make_state(binding, i);
      if (state != nullptr) states[binding.params[i].unsafeGetTensorImpl()] = std::move(state);
    }
    return states;
  }

  std::unique_ptr<torch::optim::Optimizer> optimizer_;
  const bool negate_;
};

// Without parameters at first: a class might allocate a state for each that is replaced anyway.
template <class Optimizer, class OptimizerOptions>
std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options) {
  std::vector<torch::optim::OptimizerParamGroup> groups;
  groups.emplace_back(std::vector<at::Tensor>(), std::make_unique<OptimizerOptions>(options));
  return std::make_unique<Optimizer>(groups, options);
}

}  // namespace optibridge::torch_bridge
