#include "core/block_kernels.h"
#include "core/ob_core.h"

#ifdef OB_X86_KERNELS
#include <cpuid.h>
#endif

namespace optibridge {

#ifdef OB_X86_KERNELS
// Older compilers do not know this feature by name.
static bool has_f16c() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}
#endif

static const KernelTable& choose() {
#ifdef OB_X86_KERNELS
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") && has_f16c()) {
    return kernels_avx512();
  }
  if (__builtin_cpu_supports("avx2") && has_f16c()) {
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
