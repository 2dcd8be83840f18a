#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/_fused_adam_cpu_dispatch.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/_fused_adamw_cpu_dispatch.h>

#include "torch/algorithm.h"

namespace optibridge::torch_bridge {
namespace {

class FusedAdam final : public FusedAlgorithm {
 public:
  explicit FusedAdam(const Options& options)
      : decoupled_(options.class_name() == "AdamW"),
        beta1_(options.get("beta1")),
        beta2_(options.get("beta2")),
        eps_(options.get("eps")),
        weight_decay_(options.get("weight_decay")),
        amsgrad_(options.flag("amsgrad")),
        maximize_(options.flag("maximize")) {}

  std::vector<SlotSpec> slots() const override {
    if (amsgrad_) return {step_slot(), "exp_avg", "exp_avg_sq", "max_exp_avg_sq"};
    return {step_slot(), "exp_avg", "exp_avg_sq"};
  }

  void step_block(size_t tensor, int64_t offset, int64_t n, const void* gradient,
                  void* param) override {
    const auto& slots = binding_.slots;
    const at::Tensor p = elements_at(param, n, slots[1][tensor]);
    const at::Tensor g = elements_at(gradient, n, p);
    const at::Tensor m = stretch_of(slots[1][tensor], offset, n);
    const at::Tensor v = stretch_of(slots[2][tensor], offset, n);
    const at::Tensor max = amsgrad_ ? stretch_of(slots[3][tensor], offset, n) : at::Tensor();
    const auto call = [&](auto&& kernel) {
      kernel(at::TensorList(p), at::TensorList(g), at::TensorList(m), at::TensorList(v),
             amsgrad_ ? at::TensorList(max) : at::TensorList(), at::TensorList(slots[0][tensor]),
             block_lr_, beta1_, beta2_, weight_decay_, eps_, amsgrad_, maximize_);
    };
    if (decoupled_) {
      call([](auto&&... arguments) { at::cpu::_fused_adamw_(arguments...); });
    } else {
      call([](auto&&... arguments) { at::cpu::_fused_adam_(arguments...); });
    }
  }

  void step(double lr) override {
    count_step(binding_);
    // The CPU kernel directly: the dispatcher has nothing to decide here.
    if (binding_.on_cpu()) {
      run(
          lr, [](auto&&... arguments) { at::cpu::_fused_adam_(arguments...); },
          [](auto&&... arguments) { at::cpu::_fused_adamw_(arguments...); });
    } else {
      run(
          lr, [](auto&&... arguments) { at::_fused_adam_(arguments...); },
          [](auto&&... arguments) { at::_fused_adamw_(arguments...); });
    }
  }

 private:
  template <class Adam, class AdamW>
  void run(double lr, Adam&& adam, AdamW&& adamw) {
    const auto& slots = runs_.slots;
    const at::TensorList max = amsgrad_ ? at::TensorList(slots[3]) : at::TensorList();
    const auto call = [&](auto&& kernel) {
      kernel(runs_.params, runs_.grads, slots[1], slots[2], max, slots[0], lr, beta1_, beta2_,
             weight_decay_, eps_, amsgrad_, maximize_);
    };
    if (decoupled_) {
      call(adamw);
    } else {
      call(adam);
    }
  }

  const bool decoupled_;
  const double beta1_, beta2_, eps_, weight_decay_;
  const bool amsgrad_, maximize_;
};

}  // namespace

std::unique_ptr<Algorithm> make_fused_adam(const Options& options) {
  return std::make_unique<FusedAdam>(options);
}

}  // namespace optibridge::torch_bridge
