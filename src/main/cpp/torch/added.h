// The optimizers of torch/optim, which libtorch's C++ API lacks, bound to slots.
#pragma once

#include <algorithm>
#include <memory>
#include <type_traits>
#include <vector>

#include "torch/optim/parts.h"
#include "torch/partwise.h"

namespace optibridge::torch_bridge {

template <class Optimizer, class = void>
struct IsDivisible : std::false_type {};
template <class Optimizer>
struct IsDivisible<Optimizer, std::void_t<typename Optimizer::Plan>> : std::true_type {};

// Whether steps are counted for all tensors together, in the first float64 scalar of the state.
template <class State, class = void>
struct CountsByGroup : std::false_type {};
template <class State>
struct CountsByGroup<State, std::void_t<decltype(&State::k)>> : std::true_type {};

template <class Optimizer, class = void>
struct HasEvalWeights : std::false_type {};
template <class Optimizer>
struct HasEvalWeights<Optimizer, std::void_t<decltype(&Optimizer::move_weights)>> : std::true_type {
};

// Slots and options of a class, as its lists give them.
template <class Optimizer>
class Lists : public Partwise {
 public:
  using State = typename Optimizer::State;

  explicit Lists(const Options& options) : options_(read(options)) {
    State state;
    State::each(state, [&](const SlotSpec& slot, at::Tensor&) {
      present_.push_back(Optimizer::has_slot(slot.name, options_));
      if (present_.back()) slots_.push_back(slot);
    });
  }

  std::vector<SlotSpec> slots() const override { return slots_; }

  std::vector<int64_t> slot_shape(size_t slot, c10::IntArrayRef param) const override {
    if constexpr (optim::HasSlotShape<Optimizer>::value) {
      return Optimizer::slot_shape(slots_[slot].name, param);
    } else {
      return Algorithm::slot_shape(slot, param);
    }
  }

  void before_step(const Gradients& gradients) override { Optimizer::look(options_, gradients); }

 protected:
  template <class Slots>
  State state_of(const Slots& slots, int64_t steps) const {
    State state;
    state.step = steps;
    size_t entry = 0, slot = 1;
    State::each(state, [&](const SlotSpec&, at::Tensor& tensor) {
      if (present_[entry++]) tensor = slots[slot++];
    });
    return state;
  }

  // A tensor that had no gradient at some step takes over the numbers of its group.
  void agree(const Binding& tensors) const {
    size_t k = 1;
    while (slots_[k].kind != SlotSpec::SCALAR64) ++k;
    size_t leader = 0;
    bool equal = true;
    for (size_t i = 1; i < tensors.size(); ++i) {
      const double ahead = scalar_of(tensors.slots[k][i]) - scalar_of(tensors.slots[k][leader]);
      equal = equal && ahead == 0;
      if (ahead > 0) leader = i;
    }
    if (equal) return;
    for (size_t s = k; s < slots_.size(); ++s) {
      if (slots_[s].kind != SlotSpec::SCALAR64) continue;
      const double value = scalar_of(tensors.slots[s][leader]);
      for (const at::Tensor& scalar : tensors.slots[s]) set_scalar(scalar, value);
    }
  }

  typename Optimizer::Options options_;

 private:
  static typename Optimizer::Options read(const Options& options) {
    typename Optimizer::Options all;
    Optimizer::Options::each(all, [&](const char* name, auto& value) {
      value = static_cast<std::decay_t<decltype(value)>>(options.get(name));
    });
    return all;
  }

  std::vector<SlotSpec> slots_ = {step_slot()};
  std::vector<bool> present_;  // of the state's tensors, those that are slots
};

// A class that steps whole tensors.
template <class Optimizer>
class AddedWhole final : public Lists<Optimizer> {
 public:
  using Lists<Optimizer>::Lists;

 protected:
  using typename Partwise::Views;

  bool divisible() const override { return false; }

  void plan(const Binding& tensors, double lr) override {
    this->options_.lr = lr;
    steps_.clear();
    for (size_t i = 0; i < tensors.size(); ++i) steps_.push_back(this->steps_of(tensors, i) + 1);
  }

  void apply(size_t tensor, Views& views) override {
    auto state = this->state_of(views.slots, steps_[tensor]);
    at::Tensor p = views.param;
    p.mutable_grad() = views.grad;
    Optimizer::update(p, this->options_, state);
    p.mutable_grad() = at::Tensor();
  }

 private:
  std::vector<int64_t> steps_;
};

template <class Optimizer>
class Added final : public Lists<Optimizer> {
 public:
  using Lists<Optimizer>::Lists;

  bool has_blocks() const override {
    return Partwise::has_blocks() && !Optimizer::looks(this->options_);
  }

  bool has_eval_weights() const override { return HasEvalWeights<Optimizer>::value; }
  void move_weights(bool to_eval) override {
    if constexpr (HasEvalWeights<Optimizer>::value) {
      const typename Partwise::Quiet quiet;
      const Binding& all = this->binding_;
      for (size_t i = 0; i < all.size(); ++i) {
        if (this->steps_of(all, i) == 0) continue;
        c10::SmallVector<at::Tensor, 8> slots;
        for (const auto& slot : all.slots) slots.push_back(slot[i]);
        const auto state = this->state_of(slots, 1);
        Optimizer::move_weights(all.params[i], this->options_, state, to_eval);
      }
    } else {
      Partwise::move_weights(to_eval);
    }
  }

 protected:
  using typename Partwise::Sums;
  using typename Partwise::Views;
  using Plan = typename Optimizer::Plan;
  using Part = typename Optimizer::Part;

  bool divisible() const override { return Optimizer::divisible(this->options_); }
  int passes() const override { return Optimizer::passes(this->options_); }

  void plan(const Binding& tensors, double lr) override {
    this->options_.lr = lr;
    if constexpr (CountsByGroup<typename Optimizer::State>::value) this->agree(tensors);
    plans_.clear();
    steps_.clear();
    c10::SmallVector<at::Tensor, 8> slots;
    for (size_t i = 0; i < tensors.size(); ++i) {
      slots.clear();
      for (const auto& slot : tensors.slots) slots.push_back(slot[i]);
      steps_.push_back(this->steps_of(tensors, i) + 1);
      auto state = this->state_of(slots, steps_[i]);
      plans_.push_back(Optimizer::plan(tensors.params[i], this->options_, state));
    }
  }

  void measure(int pass, size_t tensor, Views& views, Sums& sums) override {
    Part part = part_of(tensor, views);
    Optimizer::measure(pass, part, this->options_, plans_[tensor], sums);
    views.work = std::move(part.work);
  }
  void settle(int pass, size_t tensor, const Sums& sums) override {
    Optimizer::settle(pass, this->options_, plans_[tensor], sums);
  }
  void apply(size_t tensor, Views& views) override {
    Part part = part_of(tensor, views);
    Optimizer::apply(part, this->options_, plans_[tensor]);
  }

 private:
  Part part_of(size_t tensor, Views& views) const {
    return {views.param, views.grad, this->state_of(views.slots, steps_[tensor]),
            std::move(views.work)};
  }

  std::vector<Plan> plans_;
  std::vector<int64_t> steps_;
};

}  // namespace optibridge::torch_bridge
