// What one optimizer class does with the tensors it is bound to.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "torch/gradients.h"
#include "torch/options.h"
#include "torch/slots.h"
#include "torch/views.h"

namespace optibridge::torch_bridge {

class Algorithm {
 public:
  virtual ~Algorithm() = default;

  // The state slots; "step" comes first.
  virtual std::vector<SlotSpec> slots() const = 0;
  // See SlotShape.
  virtual std::vector<int64_t> slot_shape(size_t /*slot*/, c10::IntArrayRef param) const {
    return param.vec();
  }

  // Takes over checked tensors. If this throws, the former binding is still in place.
  virtual void bind(Binding binding) {
    binding_ = std::move(binding);
    sync();
  }
  // The caller changed what the slots contain.
  virtual void sync() {}
  // Comes before each step, with the gradients of everything that is stepped together.
  virtual void before_step(const Gradients& /*gradients*/) {}
  // One step on at least one tensor; adds one to every "step".
  virtual void step(double lr) = 0;
  // The same as a chain of operations on whole tensors.
  virtual void step_whole(double lr) { step(lr); }

  // Whether elements can be stepped in stretches, each by itself: begin_blocks, then step_block for
  // every element once, from several threads at once, then end_blocks. Only the slots of the
  // binding matter then.
  virtual bool has_blocks() const { return false; }
  virtual void begin_blocks(double /*lr*/) {}
  virtual void step_block(size_t /*tensor*/, int64_t /*offset*/, int64_t /*n*/,
                          const void* /*gradient*/, void* /*param*/) {}
  virtual void end_blocks() {}

  // Whether the weights stepped are other ones than those to evaluate.
  virtual bool has_eval_weights() const { return false; }
  // Turns the bound weights into those to evaluate, or back into those to train.
  virtual void move_weights(bool /*to_eval*/) {
    throw std::invalid_argument("this optimizer trains the very weights that are evaluated");
  }

  const Binding& binding() const { return binding_; }
  // For a step that somebody else does on the bound memory; sync() before the next one here.
  Binding& mutable_binding() { return binding_; }
  // Elements of the largest view that a step works on.
  virtual int64_t largest() const { return binding_.largest; }

 protected:
  Binding binding_;
};

// An algorithm whose kernel goes element by element, so that neighbours are stepped as one.
class FusedAlgorithm : public Algorithm {
 public:
  void sync() override { runs_ = merged(binding_); }
  int64_t largest() const override { return runs_.largest; }
  bool has_blocks() const override { return binding_.on_cpu(); }
  void begin_blocks(double lr) override {
    count_step(binding_);
    block_lr_ = lr;
  }

 protected:
  Binding runs_;
  double block_lr_ = 0;
};

std::unique_ptr<Algorithm> make_fused_sgd(const Options& options);
std::unique_ptr<Algorithm> make_fused_adam(const Options& options);  // and AdamW
std::unique_ptr<Algorithm> make_fused_adagrad(const Options& options);
// torch::optim's own classes.
std::unique_ptr<Algorithm> make_plain(const Options& options);
// Those of Python that torch::optim lacks; null for another class.
std::unique_ptr<Algorithm> make_added(const Options& options);
// Those of packages beside Python's torch; null for another class.
std::unique_ptr<Algorithm> make_third_party(const Options& options);

// Throws std::invalid_argument for a class without a fused kernel.
std::unique_ptr<Algorithm> make_algorithm(const Options& options, bool fused);

}  // namespace optibridge::torch_bridge
