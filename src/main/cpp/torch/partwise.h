// Steps taken part by part: what lies between the operations of a step stays in the cache, and all
// threads take part.
#pragma once

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/grad_mode.h>
#include <c10/util/SmallVector.h>

#include <array>
#include <vector>

#include "torch/algorithm.h"

namespace optibridge::torch_bridge {

// A subclass computes; this class divides. Elements that belong together are called a tensor here,
// be it a bound one, a stretch of one or several neighbours as one.
class Partwise : public Algorithm {
 public:
  void bind(Binding binding) override;
  void sync() override;
  void step(double lr) override;
  void step_whole(double lr) override;
  int64_t largest() const override { return divisible() ? total_ : binding_.largest; }

  bool has_blocks() const override { return binding_.on_cpu() && divisible() && passes() == 0; }
  void begin_blocks(double lr) override;
  void step_block(size_t tensor, int64_t offset, int64_t n, const void* gradient,
                  void* param) override;
  void end_blocks() override {}

 protected:
  // Views of a tensor, or a part of one, and of its slots.
  struct Views {
    at::Tensor param, grad;
    c10::SmallVector<at::Tensor, 8> slots;
    at::Tensor work;  // left by one pass for the next if the tensor is in one part
  };
  using Sums = std::array<double, 2>;

  // libtorch's operators without what they do for automatic gradients.
  struct Quiet {
    const at::NoGradGuard no_grad;
    const at::AutoDispatchBelowADInplaceOrView below;
  };

  // Whether there is more than one part to a tensor.
  virtual bool divisible() const { return true; }
  // How many times the elements of a tensor have to be seen before `apply`.
  virtual int passes() const { return 0; }
  // Before the parts of a step; afterwards numbers of tensors are those of `tensors`.
  virtual void plan(const Binding& tensors, double lr) = 0;
  // Adds to sums over the tensor.
  virtual void measure(int /*pass*/, size_t /*tensor*/, Views&, Sums&) {}
  virtual void settle(int /*pass*/, size_t /*tensor*/, const Sums&) {}
  virtual void apply(size_t tensor, Views& views) = 0;

  static int64_t steps_of(const Binding& binding, size_t i) {
    return static_cast<int64_t>(scalar_of(binding.slots[0][i]));
  }

 private:
  struct Part {
    size_t run;
    int64_t offset, n;
  };

  Views views_of(const Binding& tensors, size_t i) const;
  Views views_of(const Part& part) const;
  void complete(size_t tensor, Views& views);
  void finish(const Binding& tensors);

  Binding runs_;
  int64_t total_ = 0;
  std::vector<Part> parts_;
  std::vector<size_t> divided_;  // positions in parts_ of those that are not a run by themselves
  std::vector<Sums> sums_;       // of each of these
};

}  // namespace optibridge::torch_bridge
