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

}  // namespace optibridge

const char* ob_instruction_set(void) noexcept { return optibridge::kernels().instruction_set; }
