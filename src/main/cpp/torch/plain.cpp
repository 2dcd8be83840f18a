// torch::optim's own classes.
#include "torch/plain.h"

#include <torch/optim/adagrad.h>
#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>
#include <torch/optim/rmsprop.h>
#include <torch/optim/sgd.h>

namespace optibridge::torch_bridge {
namespace {

// Adam and AdamW differ in nothing but their types.
template <class Optimizer, class OptimizerOptions, class AdamState>
class PlainAdam final : public Plain {
 public:
  explicit PlainAdam(const Options& options)
      : Plain(make_optimizer<Optimizer>(
                  OptimizerOptions()
                      .betas(std::make_tuple(options.get("beta1"), options.get("beta2")))
                      .eps(options.get("eps"))
                      .weight_decay(options.get("weight_decay"))
                      .amsgrad(options.flag("amsgrad"))),
              options.flag("maximize")),
        amsgrad_(options.flag("amsgrad")) {}

  std::vector<SlotSpec> slots() const override {
    if (amsgrad_) return {step_slot(), "exp_avg", "exp_avg_sq", "max_exp_avg_sq"};
    return {step_slot(), "exp_avg", "exp_avg_sq"};
  }

 protected:
  std::unique_ptr<State> make_state(const Slots& slots, int64_t steps) const override {
    auto state = std::make_unique<AdamState>();
    state->step(steps);
    state->exp_avg(slots[1]);
    state->exp_avg_sq(slots[2]);
    if (amsgrad_) state->max_exp_avg_sq(slots[3]);
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
                      .eps(options.get("eps"))),
              options.flag("maximize")),
        initial_(options.get("initial_accumulator_value")) {}

  std::vector<SlotSpec> slots() const override {
    return {step_slot(), {"sum", SlotSpec::LIKE, initial_}};
  }

 protected:
  std::unique_ptr<State> make_state(const Slots& slots, int64_t steps) const override {
    auto state = std::make_unique<torch::optim::AdagradParamState>();
    state->step(steps);
    state->sum(slots[1]);
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
                                                        .centered(options.flag("centered"))),
              options.flag("maximize")),
        momentum_(options.get("momentum") > 0),
        centered_(options.flag("centered")) {}

  std::vector<SlotSpec> slots() const override {
    std::vector<SlotSpec> names = {step_slot(), "square_avg"};
    if (momentum_) names.push_back("momentum_buffer");
    if (centered_) names.push_back("grad_avg");
    return names;
  }

 protected:
  std::unique_ptr<State> make_state(const Slots& slots, int64_t steps) const override {
    auto state = std::make_unique<torch::optim::RMSpropParamState>();
    state->step(steps);
    state->square_avg(slots[1]);
    if (momentum_) state->momentum_buffer(slots[2]);
    if (centered_) state->grad_avg(slots[momentum_ ? 3 : 2]);
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
                      .nesterov(options.flag("nesterov"))),
              options.flag("maximize")),
        momentum_(options.get("momentum") != 0) {}

  std::vector<SlotSpec> slots() const override {
    if (momentum_) return {step_slot(), "momentum_buffer"};
    return {step_slot()};
  }

 protected:
  // torch::optim tells a first step by the absence of the state.
  std::unique_ptr<State> make_state(const Slots& slots, int64_t steps) const override {
    if (!momentum_ || steps == 0) return nullptr;
    auto state = std::make_unique<torch::optim::SGDParamState>();
    state->momentum_buffer(slots[1]);
    return state;
  }

  // A state that the first step made has a buffer of its own.
  void keep_state(State& made, const Slots& slots) const override {
    if (!momentum_) return;
    const at::Tensor& buffer = static_cast<torch::optim::SGDParamState&>(made).momentum_buffer();
    if (!buffer.is_same(slots[1])) slots[1].copy_(buffer);
  }

 private:
  const bool momentum_;
};

}  // namespace

std::unique_ptr<Algorithm> make_plain(const Options& options) {
  const std::string& name = options.class_name();
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
