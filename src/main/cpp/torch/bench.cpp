#include <ATen/ops/_fused_adam.h>

#include <memory>
#include <vector>

#include "torch/guard.h"
#include "torch/ob_torch.h"
#include "torch/views.h"

using optibridge::torch_bridge::guarded;
using optibridge::torch_bridge::view_of;

struct ob_torch_bench {
  float count = 0;
  std::vector<at::Tensor> p, g, m, v, none, steps;
};

extern "C" {

ob_result ob_torch_bench_create(float* p, const float* g, float* m, float* v, int64_t n,
                                ob_torch_bench** out) OB_NOEXCEPT {
  return guarded("torch_bench_create", [&] {
    if (out == nullptr) throw std::invalid_argument("out is null");
    auto bench = std::make_unique<ob_torch_bench>();
    const auto view = [&](void* data, const char* role) {
      return view_of({data, n, &n, "bench", 1, OB_FLOAT32, OB_CPU, 0, 0}, role);
    };
    bench->p = {view(p, "parameter")};
    bench->g = {view(const_cast<float*>(g), "gradient")};
    bench->m = {view(m, "exp_avg")};
    bench->v = {view(v, "exp_avg_sq")};
    bench->steps = {
        view_of({&bench->count, 1, nullptr, "bench", 0, OB_FLOAT32, OB_CPU, 0, 0}, "step")};
    *out = bench.release();
  });
}

ob_result ob_torch_bench_step(ob_torch_bench* bench, double lr) OB_NOEXCEPT {
  return guarded("torch_bench_step", [&] {
    if (bench == nullptr) throw std::invalid_argument("the handle is null");
    bench->count += 1;
    at::_fused_adam_(bench->p, bench->g, bench->m, bench->v, bench->none, bench->steps, lr, 0.9,
                     0.999, /*weight_decay=*/0, 1e-8, /*amsgrad=*/false, /*maximize=*/false);
  });
}

void ob_torch_bench_destroy(ob_torch_bench* bench) OB_NOEXCEPT { delete bench; }

}  // extern "C"
