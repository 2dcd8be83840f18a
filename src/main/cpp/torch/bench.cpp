// The fused kernels as a C++ program would call them.
#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/_fused_adamw.h>

#include <memory>
#include <vector>

#include "torch/bench_views.h"
#include "torch/guard.h"
#include "torch/ob_torch.h"

using optibridge::torch_bridge::bench_views;
using optibridge::torch_bridge::guarded;
using optibridge::torch_bridge::view_of;

struct ob_torch_bench {
  bool decoupled = false;
  float count = 0;
  std::vector<at::Tensor> p, g, m, v, none, steps;
};

extern "C" {

ob_result ob_torch_bench_create(int32_t decoupled, const ob_tensor* params, const ob_tensor* grads,
                                const ob_tensor* exp_avgs, const ob_tensor* exp_avg_sqs,
                                int64_t tensors, ob_torch_bench** out) OB_NOEXCEPT {
  return guarded("torch_bench_create", [&] {
    if (out == nullptr) throw std::invalid_argument("out is null");
    auto bench = std::make_unique<ob_torch_bench>();
    bench->decoupled = decoupled != 0;
    bench->p = bench_views(params, tensors, "parameter");
    bench->g = bench_views(grads, tensors, "gradient", &bench->p);
    bench->m = bench_views(exp_avgs, tensors, "exp_avg", &bench->p);
    bench->v = bench_views(exp_avg_sqs, tensors, "exp_avg_sq", &bench->p);
    // One count serves all tensors: the kernels only read it.
    bench->steps.assign(
        tensors,
        view_of({&bench->count, 1, nullptr, "bench", 0, OB_FLOAT32, OB_CPU, 0, 0}, "step"));
    *out = bench.release();
  });
}

ob_result ob_torch_bench_step(ob_torch_bench* bench, double lr) OB_NOEXCEPT {
  return guarded("torch_bench_step", [&] {
    if (bench == nullptr) throw std::invalid_argument("the handle is null");
    bench->count += 1;
    if (bench->decoupled) {
      at::_fused_adamw_(bench->p, bench->g, bench->m, bench->v, bench->none, bench->steps, lr, 0.9,
                        0.999, /*weight_decay=*/0.01, 1e-8, /*amsgrad=*/false, /*maximize=*/false);
    } else {
      at::_fused_adam_(bench->p, bench->g, bench->m, bench->v, bench->none, bench->steps, lr, 0.9,
                       0.999, /*weight_decay=*/0, 1e-8, /*amsgrad=*/false, /*maximize=*/false);
    }
  });
}

void ob_torch_bench_destroy(ob_torch_bench* bench) OB_NOEXCEPT { delete bench; }

}  // extern "C"
