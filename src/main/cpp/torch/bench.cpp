// Optimizers as a C++ program would call them, on state of their own.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_fused_adagrad.h>
#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/_fused_sgd.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <numeric>
#include <vector>

#include "core/guard.h"
#include "torch/algorithm.h"
#include "torch/bench_views.h"
#include "torch/guard.h"
#include "torch/ob_torch.h"

namespace optibridge::torch_bridge {
namespace {

struct Release {
  void operator()(void* address) const { ob_free(address); }
};
using Memory = std::unique_ptr<void, Release>;

Memory allocate(int64_t bytes) {
  void* address = nullptr;
  const ob_result result = ob_alloc(bytes, &address);
  if (result != 0) {
    ob_error_free(reinterpret_cast<ob_error*>(result));
    throw std::bad_alloc();
  }
  return Memory(address);
}

using Step = std::function<void(double lr)>;

// The operators' own calls: nothing between them and the program.
Step bare_kernel(const Options& options, Binding& b) {
  const std::string& name = options.class_name();
  const auto get = [&](const char* option) { return options.get(option); };
  const bool maximize = options.flag("maximize");
  const double decay = get("weight_decay");
  if (name == "SGD") {
    const double momentum = get("momentum");
    const double dampening = get("dampening");
    const bool nesterov = options.flag("nesterov");
    return [=, &b, first = true](double lr) mutable {
      const at::TensorList buffers = momentum == 0 ? at::TensorList() : at::TensorList(b.slots[1]);
      at::_fused_sgd_(b.params, b.grads, buffers, decay, momentum, lr, dampening, nesterov,
                      maximize, first);
      first = false;
    };
  }
  const double eps = get("eps");
  if (name == "Adagrad") {
    const double lr_decay = get("lr_decay");
    return [=, &b](double lr) {
      at::_fused_adagrad_(b.params, b.grads, b.slots[1], b.slots[0], lr, lr_decay, decay, eps,
                          maximize);
    };
  }
  const double beta1 = get("beta1");
  const double beta2 = get("beta2");
  const bool amsgrad = options.flag("amsgrad");
  const bool decoupled = name == "AdamW";
  return [=, &b](double lr) {
    const at::TensorList max = amsgrad ? at::TensorList(b.slots[3]) : at::TensorList();
    const auto call = [&](auto&& kernel) {
      kernel(b.params, b.grads, b.slots[1], b.slots[2], max, b.slots[0], lr, beta1, beta2, decay,
             eps, amsgrad, maximize);
    };
    if (decoupled) {
      call([](auto&&... arguments) { at::_fused_adamw_(arguments...); });
    } else {
      call([](auto&&... arguments) { at::_fused_adam_(arguments...); });
    }
  };
}

}  // namespace
}  // namespace optibridge::torch_bridge

namespace tb = optibridge::torch_bridge;

struct ob_torch_bench {
  std::unique_ptr<tb::Algorithm> algorithm;
  tb::Binding binding;
  std::vector<tb::Memory> memory;
  float count = 0;
  tb::Step step;

  at::Tensor slot(const tb::SlotSpec& spec, size_t index, const at::Tensor& param) {
    const std::vector<int64_t> shape = spec.kind == tb::SlotSpec::SHAPED
                                           ? algorithm->slot_shape(index, param.sizes())
                                       : spec.kind == tb::SlotSpec::LIKE ? param.sizes().vec()
                                                                         : std::vector<int64_t>();
    const bool wide = spec.kind == tb::SlotSpec::SCALAR64;
    const int64_t numel =
        std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<int64_t>());
    memory.push_back(
        tb::allocate(numel * static_cast<int64_t>(wide ? sizeof(double) : sizeof(float))));
    const at::Tensor view = tb::view_of(
        {memory.back().get(), numel, shape.data(), "bench", static_cast<int32_t>(shape.size()),
         wide ? OB_FLOAT64 : OB_FLOAT32, OB_CPU, 0, 0},
        "slot");
    return view.fill_(spec.initial);
  }
};

extern "C" {

ob_result ob_torch_bench_create(const char* class_name, int32_t fused, const char* option_names,
                                const double* values, int32_t count, const ob_tensor* params,
                                const ob_tensor* grads, int64_t tensors,
                                ob_torch_bench** out) OB_NOEXCEPT {
  return tb::guarded("torch_bench_create", [&] {
    if (class_name == nullptr || out == nullptr) {
      throw std::invalid_argument("class_name and out must not be null");
    }
    const at::NoGradGuard no_grad;
    const tb::Options options(class_name, tb::rules_of(class_name), option_names, values, count);
    auto bench = std::make_unique<ob_torch_bench>();
    bench->algorithm = tb::make_algorithm(options, fused != 0);
    tb::Binding& binding = bench->binding;
    binding.params = tb::bench_views(params, tensors, "parameter");
    binding.grads = tb::bench_views(grads, tensors, "gradient", &binding.params);
    const std::vector<tb::SlotSpec> slots = bench->algorithm->slots();
    for (size_t s = 0; s < slots.size(); ++s) {
      binding.kinds.push_back(slots[s].kind);
      std::vector<at::Tensor>& list = binding.slots.emplace_back();
      if (s == 0 && fused != 0) {
        // One count serves all tensors: kernels only read it.
        list.assign(
            tensors,
            tb::view_of({&bench->count, 1, nullptr, "bench", 0, OB_FLOAT32, OB_CPU, 0, 0}, "step"));
        continue;
      }
      for (const at::Tensor& param : binding.params) {
        list.push_back(bench->slot(slots[s], s, param));
      }
    }
    binding.slack.assign(tensors, 0);
    for (const at::Tensor& param : binding.params) {
      binding.largest = std::max(binding.largest, param.numel());
    }
    if (fused != 0) {
      const tb::Step kernel = tb::bare_kernel(options, binding);
      bench->step = [b = bench.get(), kernel](double lr) {
        b->count += 1;
        kernel(lr);
      };
    } else {
      bench->algorithm->bind(binding);
      bench->step = [b = bench.get()](double lr) {
        b->algorithm->before_step(tb::Gradients({&b->binding.grads}));
        b->algorithm->step_whole(lr);
      };
    }
    *out = bench.release();
  });
}

ob_result ob_torch_bench_step(ob_torch_bench* bench, double lr) OB_NOEXCEPT {
  return tb::guarded("torch_bench_step", [&] {
    if (bench == nullptr) throw std::invalid_argument("the handle is null");
    bench->step(lr);
  });
}

void ob_torch_bench_destroy(ob_torch_bench* bench) OB_NOEXCEPT { delete bench; }

}  // extern "C"
