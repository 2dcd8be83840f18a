#include <ATen/ops/_fused_sgd.h>
#include <ATen/ops/_fused_sgd_cpu_dispatch.h>

#include "torch/algorithm.h"

namespace optibridge::torch_bridge {
namespace {

class FusedSgd final : public FusedAlgorithm {
 public:
  explicit FusedSgd(const Options& options)
      : momentum_(options.get("momentum")),
        dampening_(options.get("dampening")),
        weight_decay_(options.get("weight_decay")),
        nesterov_(options.flag("nesterov")),
        maximize_(options.flag("maximize")) {}

  std::vector<SlotSpec> slots() const override {
    if (momentum_ != 0) return {step_slot(), "momentum_buffer"};
    return {step_slot()};
  }

  void sync() override {
    FusedAlgorithm::sync();
    first_ = Lists();
    later_ = Lists();
    for (size_t i = 0; i < runs_.size(); ++i) {
      const bool starts = momentum_ != 0 && scalar_of(runs_.slots[0][i]) == 0;
      Lists& lists = starts ? first_ : later_;
      lists.params.push_back(runs_.params[i]);
      lists.grads.push_back(runs_.grads[i]);
      if (momentum_ != 0) lists.buffers.push_back(runs_.slots[1][i]);
    }
  }

  void step_block(size_t tensor, int64_t offset, int64_t n, const void* gradient,
                  void* param) override {
    const at::Tensor p = elements_at(param, n, binding_.params[tensor]);
    const at::Tensor g = elements_at(gradient, n, p);
    const at::Tensor buffer =
        momentum_ != 0 ? stretch_of(binding_.slots[1][tensor], offset, n) : at::Tensor();
    at::cpu::_fused_sgd_(at::TensorList(p), at::TensorList(g),
                         momentum_ != 0 ? at::TensorList(buffer) : at::TensorList(), weight_decay_,
                         momentum_, block_lr_, dampening_, nesterov_, maximize_,
                         scalar_of(binding_.slots[0][tensor]) == 1);
  }

  void end_blocks() override {
    if (!first_.params.empty()) sync();
  }

  void step(double lr) override {
    count_step(binding_);
    run(first_, lr, true);
    run(later_, lr, false);
    if (first_.params.empty()) return;
    sync();  // from now on no tensor is at its first step
  }

 private:
  // The kernel takes one flag for a whole list: a first step starts the momentum with the gradient,
  // without dampening.
  struct Lists {
    std::vector<at::Tensor> params, grads, buffers;
  };

  void run(const Lists& lists, double lr, bool is_first_step) {
    if (lists.params.empty()) return;
    const auto call = [&](auto&& kernel) {
      kernel(lists.params, lists.grads, lists.buffers, weight_decay_, momentum_, lr, dampening_,
             nesterov_, maximize_, is_first_step);
    };
    if (binding_.on_cpu()) {
      call([](auto&&... arguments) { at::cpu::_fused_sgd_(arguments...); });
    } else {
      call([](auto&&... arguments) { at::_fused_sgd_(arguments...); });
    }
  }

  const double momentum_, dampening_, weight_decay_;
  const bool nesterov_, maximize_;
  Lists first_, later_;
};

}  // namespace

std::unique_ptr<Algorithm> make_fused_sgd(const Options& options) {
  return std::make_unique<FusedSgd>(options);
}

}  // namespace optibridge::torch_bridge
