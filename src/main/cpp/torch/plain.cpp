// torch::optim's own classes. Their state objects are ours: they hold views of the slots, so that
// the slots are the state here as well.
#include <ATen/core/grad_mode.h>
#include <torch/optim/adagrad.h>
#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>
#include <torch/optim/rmsprop.h>
#include <torch/optim/sgd.h>

#include "core/guard.h"
#include "torch/algorithm.h"

namespace optibridge::torch_bridge {
namespace {

using States = ska::flat_hash_map<void*, std::unique_ptr<torch::optim::OptimizerParamState>>;

// One of torch::optim's classes with one group of parameters. A subclass says how a state object
// looks; `make_state` may return null for a parameter that torch::optim shall start by itself.
class Plain : public Algorithm {
 public:
  explicit Plain(std::unique_ptr<torch::optim::Optimizer> optimizer)
      : optimizer_(std::move(optimizer)) {}

  void bind(Binding binding) override {
    States states = make_states(binding);
    for (size_t i = 0; i < binding.size(); ++i) {
      binding.params[i].mutable_grad() = binding.grads[i];
    }
    std::vector<at::Tensor> params = binding.params;
    optimizer_->state() = std::move(states);
    optimizer_->param_groups()[0].params() = std::move(params);
    binding_ = std::move(binding);
  }

  void sync() override { optimizer_->state() = make_states(binding_); }

  void step(double lr) override {
    const at::NoGradGuard no_grad;
    optimizer_->param_groups()[0].options().set_lr(lr);
    optimizer_->step();
    count_step(binding_);
    after_step();
  }

 protected:
  virtual std::unique_ptr<torch::optim::OptimizerParamState> make_state(const Binding& binding,
                                                                        size_t i) const = 0;
  virtual void after_step() {}

  static int64_t steps_of(const Binding& binding, size_t i) {
    return static_cast<int64_t>(step_count(binding.slots[0][i]));
  }

  States& states() { return optimizer_->state(); }

 private:
  States make_states(const Binding& binding) const {
    States states;
    for (size_t i = 0; i < binding.size(); ++i) {
      auto state = make_state(binding, i);
      if (state != nullptr) states[binding.params[i].unsafeGetTensorImpl()] = std::move(state);
    }
    return states;
  }

  std::unique_ptr<torch::optim::Optimizer> optimizer_;
};

// Without parameters at first: Adagrad would allocate a state for each that is replaced anyway.
template <class Optimizer, class OptimizerOptions>
std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options) {
  std::vector<torch::optim::OptimizerParamGroup> groups;
  groups.emplace_back(std::vector<at::Tensor>(), std::make_unique<OptimizerOptions>(options));
  return std::make_unique<Optimizer>(groups, options);
}

// Adam and AdamW differ in nothing but their types.
template <class Optimizer, class OptimizerOptions, class State>
class PlainAdam final : public Plain {
 public:
  explicit PlainAdam(const Options& options)
      : Plain(make_optimizer<Optimizer>(
            OptimizerOptions()
                .betas(std::make_tuple(options.get("beta1"), options.get("beta2")))
                .eps(options.get("eps"))
                .weight_decay(options.get("weight_decay"))
                .amsgrad(options.flag("amsgrad")))),
        amsgrad_(options.flag("amsgrad")) {}

  std::vector<std::string> slots() const override {
    if (amsgrad_) return {"step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"};
    return {"step", "exp_avg", "exp_avg_sq"};
  }

 protected:
  std::unique_ptr<torch::optim::OptimizerParamState> make_state(const Binding& binding,
                                                                size_t i) const override {
    auto state = std::make_unique<State>();
    state->step(steps_of(binding, i));
    state->exp_avg(binding.slots[1][i]);
    state->exp_avg_sq(binding.slots[2][i]);
    if (amsgrad_) state->max_exp_avg_sq(binding.slots[3][i]);
    return state;
  }

 private:
  const bool amsgrad_;
};

class PlainAdagrad final : public Plain {
 public:
  explicit PlainAdagrad(const Options& options)
      : Plain(make_optimizer<torch::optim::Adagrad>(
            torch::optim::AdagradOptions()
                .lr_decay(options.get("lr_decay"))
                .weight_decay(options.get("weight_decay"))
                .initial_accumulator_value(options.get("initial_accumulator_value"))
                .eps(options.get("eps")))),
        initial_(options.get("initial_accumulator_value")) {}

  std::vector<std::string> slots() const override { return {"step", "sum"}; }
  double initial(const std::string& slot) const override { return slot == "sum" ? initial_ : 0; }

 protected:
  std::unique_ptr<torch::optim::OptimizerParamState> make_state(const Binding& binding,
                                                                size_t i) const override {
    auto state = std::make_unique<torch::optim::AdagradParamState>();
    state->step(steps_of(binding, i));
    state->sum(binding.slots[1][i]);
    return state;
  }

 private:
  const double initial_;
};

class PlainRmsprop final : public Plain {
 public:
  explicit PlainRmsprop(const Options& options)
      : Plain(make_optimizer<torch::optim::RMSprop>(torch::optim::RMSpropOptions()
                                                        .alpha(options.get("alpha"))
                                                        .eps(options.get("eps"))
                                                        .weight_decay(options.get("weight_decay"))
                                                        .momentum(options.get("momentum"))
                                                        .centered(options.flag("centered")))),
        momentum_(options.get("momentum") > 0),
        centered_(options.flag("centered")) {}

  std::vector<std::string> slots() const override {
    std::vector<std::string> names = {"step", "square_avg"};
    if (momentum_) names.push_back("momentum_buffer");
    if (centered_) names.push_back("grad_avg");
    return names;
  }

 protected:
  std::unique_ptr<torch::optim::OptimizerParamState> make_state(const Binding& binding,
                                                                size_t i) const override {
    auto state = std::make_unique<torch::optim::RMSpropParamState>();
    state->step(steps_of(binding, i));
    state->square_avg(binding.slots[1][i]);
    if (momentum_) state->momentum_buffer(binding.slots[2][i]);
    if (centered_) state->grad_avg(binding.slots[momentum_ ? 3 : 2][i]);
    return state;
  }

 private:
  const bool momentum_, centered_;
};

class PlainSgd final : public Plain {
 public:
  explicit PlainSgd(const Options& options)
      : Plain(make_optimizer<torch::optim::SGD>(
            // The rate given here is replaced before every step.
            torch::optim::SGDOptions(0)
                .momentum(options.get("momentum"))
                .dampening(options.get("dampening"))
                .weight_decay(options.get("weight_decay"))
                .nesterov(options.flag("nesterov")))),
        momentum_(options.get("momentum") != 0) {}

  std::vector<std::string> slots() const override {
    if (momentum_) return {"step", "momentum_buffer"};
    return {"step"};
  }

 protected:
  // torch::optim tells a first step by the absence of the state.
  std::unique_ptr<torch::optim::OptimizerParamState> make_state(const Binding& binding,
                                                                size_t i) const override {
    if (!momentum_ || steps_of(binding, i) == 0) return nullptr;
    auto state = std::make_unique<torch::optim::SGDParamState>();
    state->momentum_buffer(binding.slots[1][i]);
    return state;
  }

  // A state that the first step made has a buffer of its own, which moves into the slot.
  void after_step() override {
    if (!momentum_) return;
    for (size_t i = 0; i < binding_.size(); ++i) {
      const auto found = states().find(binding_.params[i].unsafeGetTensorImpl());
      if (found == states().end()) continue;
      auto& state = static_cast<torch::optim::SGDParamState&>(*found->second);
      const at::Tensor& slot = binding_.slots[1][i];
      if (state.momentum_buffer().is_same(slot)) continue;
      slot.copy_(state.momentum_buffer());
      state.momentum_buffer(slot);
    }
  }

 private:
  const bool momentum_;
};

}  // namespace

std::unique_ptr<Algorithm> make_plain(const Options& options) {
  const std::string& name = options.class_name();
  if (options.flag("maximize")) {
    throw Unsupported("torch::optim::" + name +
                      " has no option 'maximize' in C++; the fused optimizer has it");
  }
  if (name == "SGD") return std::make_unique<PlainSgd>(options);
  if (name == "Adam") {
    return std::make_unique<
        PlainAdam<torch::optim::Adam, torch::optim::AdamOptions, torch::optim::AdamParamState>>(
        options);
  }
  if (name == "AdamW") {
    return std::make_unique<
        PlainAdam<torch::optim::AdamW, torch::optim::AdamWOptions, torch::optim::AdamWParamState>>(
        options);
  }
  if (name == "Adagrad") return std::make_unique<PlainAdagrad>(options);
  if (name == "RMSprop") return std::make_unique<PlainRmsprop>(options);
  throw std::invalid_argument(name + ": no such optimizer class");
}

}  // namespace optibridge::torch_bridge
