// Optimizers of torch::optim's own. Their state objects are ours: they hold views of the slots, so
// that the slots are the state here as well.
#pragma once

#include <torch/optim/optimizer.h>

#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "torch/partwise.h"

namespace optibridge::torch_bridge {

// A class with one group of parameters. A subclass says how a state object looks.
class Plain : public Partwise {
 public:
  using TorchOptimizer = torch::optim::Optimizer;
  using State = torch::optim::OptimizerParamState;
  using Make = std::function<std::unique_ptr<TorchOptimizer>()>;

  // negate: hand over negated gradients, for a class that has no option "maximize".
  Plain(Make make, bool negate) : make_(std::move(make)), negate_(negate) {}

  // All tensors at once, in one object.
  void step_whole(double lr) override {
    const at::NoGradGuard no_grad;
    const Lease lease(*this);
    plan(binding_, lr);
    for (size_t i = 0; i < binding_.size(); ++i) {
      give(*lease.optimizer, binding_.params[i], binding_.grads[i], state_of(binding_, i));
    }
    lease.optimizer->param_groups()[0].options().set_lr(lr);
    lease.optimizer->step();
    for (size_t i = 0; i < binding_.size(); ++i) {
      take(*lease.optimizer, binding_.params[i], slots_of(binding_, i));
    }
    count_step(binding_);
  }

 protected:
  using Slots = c10::SmallVector<at::Tensor, 8>;

  // The state of a tensor that has made that many steps; null for one that the class shall start
  // by itself.
  virtual std::unique_ptr<State> make_state(const Slots& slots, int64_t steps) const = 0;
  // After a step of a tensor whose state was null: moves what the class made into the slots.
  virtual void keep_state(State& /*made*/, const Slots& /*slots*/) const {}

  void plan(const Binding& tensors, double lr) override {
    lr_ = lr;
    steps_.clear();
    for (size_t i = 0; i < tensors.size(); ++i) steps_.push_back(steps_of(tensors, i));
  }

  void apply(size_t tensor, Views& views) override {
    const Lease lease(*this);
    give(*lease.optimizer, views.param, views.grad, make_state(views.slots, steps_[tensor]));
    lease.optimizer->param_groups()[0].options().set_lr(lr_);
    lease.optimizer->step();
    take(*lease.optimizer, views.param, views.slots);
  }

 private:
  // An optimizer that no other thread has at the same time.
  struct Lease {
    explicit Lease(Plain& plain) : owner(plain) {
      const std::lock_guard<std::mutex> guard(owner.lock_);
      if (owner.idle_.empty()) {
        optimizer = owner.make_();
      } else {
        optimizer = std::move(owner.idle_.back());
        owner.idle_.pop_back();
      }
    }
    ~Lease() {
      optimizer->state().clear();
      optimizer->param_groups()[0].params().clear();
      const std::lock_guard<std::mutex> guard(owner.lock_);
      owner.idle_.push_back(std::move(optimizer));
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;

    Plain& owner;
    std::unique_ptr<TorchOptimizer> optimizer;
  };

  void give(TorchOptimizer& optimizer, const at::Tensor& param, const at::Tensor& gradient,
            std::unique_ptr<State> state) const {
    at::Tensor p = param;
    p.mutable_grad() = negate_ ? gradient.neg() : gradient;
    if (state != nullptr) optimizer.state()[p.unsafeGetTensorImpl()] = std::move(state);
    optimizer.param_groups()[0].params().push_back(std::move(p));
  }

  void take(TorchOptimizer& optimizer, const at::Tensor& param, const Slots& slots) const {
    at::Tensor p = param;
    p.mutable_grad() = at::Tensor();
    const auto found = optimizer.state().find(p.unsafeGetTensorImpl());
    if (found != optimizer.state().end()) keep_state(*found->second, slots);
  }

  static Slots slots_of(const Binding& tensors, size_t i) {
    Slots slots;
    for (const auto& slot : tensors.slots) slots.push_back(slot[i]);
    return slots;
  }

  std::unique_ptr<State> state_of(const Binding& tensors, size_t i) const {
    return make_state(slots_of(tensors, i), steps_[i]);
  }

  const Make make_;
  const bool negate_;
  double lr_ = 0;
  std::vector<int64_t> steps_;
  std::mutex lock_;
  std::vector<std::unique_ptr<TorchOptimizer>> idle_;
};

// Without parameters at first: a class might allocate a state for each that is replaced anyway.
template <class Optimizer, class OptimizerOptions>
Plain::Make make_optimizer(const OptimizerOptions& options) {
  return [options] {
    std::vector<torch::optim::OptimizerParamGroup> groups;
    groups.emplace_back(std::vector<at::Tensor>(), std::make_unique<OptimizerOptions>(options));
    return std::make_unique<Optimizer>(groups, options);
  };
}

}  // namespace optibridge::torch_bridge
