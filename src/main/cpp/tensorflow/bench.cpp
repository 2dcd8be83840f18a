// The yardstick: TensorFlow's Adam kernel with nothing around it.
#include <cstring>

#include "tensorflow/guard.h"
#include "tensorflow/ob_tensorflow.h"
#include "tensorflow/variables.h"

namespace tfb = optibridge::tensorflow_bridge;
using tfb::guarded;
using tfb::Handle;
using tfb::scalar;
using tfb::Variable;

struct ob_tf_bench {
  struct Parameter {
    std::unique_ptr<Variable> w;
    std::unique_ptr<Variable> m;
    std::unique_ptr<Variable> v;
    Handle gradient;
  };
  std::vector<Parameter> parameters;
  tfb::Op op{"ResourceApplyAdam"};
  Handle beta_1 = scalar(TF_FLOAT, 0.9);
  Handle beta_2 = scalar(TF_FLOAT, 0.999);
  Handle epsilon = scalar(TF_FLOAT, 1e-7);
  float power_1 = 1;
  float power_2 = 1;
};

extern "C" {

ob_result ob_tf_bench_create(const ob_tensor* params, const ob_tensor* grads, int64_t tensors,
                             int64_t* addresses, ob_tf_bench** out) OB_NOEXCEPT {
  return guarded("tensorflow_bench_create", [&] {
    auto bench = std::make_unique<ob_tf_bench>();
    for (int64_t i = 0; i < tensors; i++) {
      const std::vector<int64_t> shape(params[i].shape, params[i].shape + params[i].ndim);
      ob_tf_bench::Parameter next;
      next.w = std::make_unique<Variable>(TF_FLOAT, shape, tfb::kHost);
      next.m = std::make_unique<Variable>(TF_FLOAT, shape, tfb::kHost);
      next.v = std::make_unique<Variable>(TF_FLOAT, shape, tfb::kHost);
      next.gradient = tfb::borrow(TF_FLOAT, shape, grads[i].data);
      std::memcpy(next.w->data(), params[i].data, static_cast<size_t>(params[i].numel) * 4);
      addresses[i] = reinterpret_cast<int64_t>(next.w->data());
      bench->parameters.push_back(std::move(next));
    }
    *out = bench.release();
  });
}

ob_result ob_tf_bench_step(ob_tf_bench* bench, double lr) OB_NOEXCEPT {
  return guarded("tensorflow_bench_step", [&] {
    bench->power_1 *= 0.9F;
    bench->power_2 *= 0.999F;
    const Handle power_1 = scalar(TF_FLOAT, bench->power_1);
    const Handle power_2 = scalar(TF_FLOAT, bench->power_2);
    const Handle rate = scalar(TF_FLOAT, lr);
    for (const auto& parameter : bench->parameters) {
      bench->op.begin()
          .input(parameter.w->resource())
          .input(parameter.m->resource())
          .input(parameter.v->resource())
          .input(power_1)
          .input(power_2)
          .input(rate)
          .input(bench->beta_1)
          .input(bench->beta_2)
          .input(bench->epsilon)
          .input(parameter.gradient)
          .run();
    }
  });
}

void ob_tf_bench_destroy(ob_tf_bench* bench) OB_NOEXCEPT { delete bench; }

}  // extern "C"
