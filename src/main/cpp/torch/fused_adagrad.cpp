#include <ATen/ops/_fused_adagrad.h>
#include <ATen/ops/_fused_adagrad_cpu_dispatch.h>

#include "torch/algorithm.h"

namespace optibridge::torch_bridge {
namespace {

class FusedAdagrad final : public FusedAlgorithm {
 public:
  explicit FusedAdagrad(const Options& options)
      : lr_decay_(options.get("lr_decay")),
        weight_decay_(options.get("weight_decay")),
        initial_(options.get("initial_accumulator_value")),
        eps_(options.get("eps")),
        maximize_(options.flag("maximize")) {}

  std::vector<SlotSpec> slots() const override {
    return {step_slot(), {"sum", SlotSpec::LIKE, initial_}};
  }

  void step_block(size_t tensor, int64_t offset, int64_t n, const void* gradient,
                  void* param) override {
    const at::Tensor p = elements_at(param, n, binding_.params[tensor]);
    const at::Tensor g = elements_at(gradient, n, p);
    const at::Tensor sum = stretch_of(binding_.slots[1][tensor], offset, n);
    at::cpu::_fused_adagrad_(at::TensorList(p), at::TensorList(g), at::TensorList(sum),
                             at::TensorList(binding_.slots[0][tensor]), block_lr_, lr_decay_,
                             weight_decay_, eps_, maximize_);
  }

  void step(double lr) override {
    count_step(binding_);
    const auto run = [&](auto&& kernel) {
      kernel(runs_.params, runs_.grads, runs_.slots[1], runs_.slots[0], lr, lr_decay_,
             weight_decay_, eps_, maximize_);
    };
    if (binding_.on_cpu()) {
      run([](auto&&... arguments) { at::cpu::_fused_adagrad_(arguments...); });
    } else {
      run([](auto&&... arguments) { at::_fused_adagrad_(arguments...); });
    }
  }

 private:
  const double lr_decay_, weight_decay_, initial_, eps_;
  const bool maximize_;
};

}  // namespace

std::unique_ptr<Algorithm> make_fused_adagrad(const Options& options) {
  return std::make_unique<FusedAdagrad>(options);
}

}  // namespace optibridge::torch_bridge
