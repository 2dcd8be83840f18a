#include "core/block_kernels.h"
#include "core/ob_core.h"

namespace optibridge {

static const KernelTable& choose() {
#ifdef OB_X86_KERNELS
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")) {
    return kernels_avx512();
  }
  if (__builtin_cpu_supports("avx2")) {
    return kernels_avx2();
  }
#endif
  return kernels_baseline();
}

const KernelTable& kernels() {
  static const KernelTable& table = choose();
  return table;
}

template <class T>
T apply_unary(int op, T x) {
  T out = x;
  if constexpr (sizeof(T) == sizeof(float)) {
    kernels().f32.unary(op, &out, &x, 1);
  } else {
    kernels().f64.unary(op, &out, &x, 1);
  }
  return out;
}

template <class T>
T apply_binary(int op, T x, T y) {
  T out = 0;
  const Operand<T> a{nullptr, x};
  const Operand<T> b{nullptr, y};
  if constexpr (sizeof(T) == sizeof(float)) {
    kernels().f32.binary(op, &out, a, b, 1);
  } else {
    kernels().f64.binary(op, &out, a, b, 1);
  }
  return out;
}

template double apply_unary(int, double);
template double apply_binary(int, double, double);

}  // namespace optibridge

const char* ob_instruction_set(void) noexcept { return optibridge::kernels().instruction_set; }
