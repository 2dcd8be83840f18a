// Element-wise loops over one block. Compiled once per instruction set; one table of function
// pointers is chosen at run time.
#pragma once

#include <cstdint>

namespace optibridge {

// Rows of scratch and steps through memory are this many elements long: three or four float rows
// fit the smallest L1 data cache in use.
constexpr int64_t kBlock = 1024;

template <class T>
struct Operand {
  const T* row;  // null for a scalar
  T scalar;
};

template <class T>
struct BlockKernels {
  void (*unary)(int op, T* out, const T* in, int64_t n);
  void (*binary)(int op, T* out, Operand<T> a, Operand<T> b, int64_t n);
  double (*sum)(const T* in, int64_t n);
  double (*sum_squares)(const T* in, int64_t n);
};

struct KernelTable {
  const char* instruction_set;
  BlockKernels<float> f32;
  BlockKernels<double> f64;
  void (*floor_adam)(float* p, const float* g, float* m, float* v, int64_t n);
};

// One for each object that block_kernels.cpp is compiled into.
const KernelTable& kernels_baseline();
#ifdef OB_X86_KERNELS
const KernelTable& kernels_avx2();
const KernelTable& kernels_avx512();
#endif

// The best table for the processor that this runs on.
const KernelTable& kernels();

// Also used for scalars, so that a scalar expression means what an element-wise one does.
template <class T>
T apply_unary(int op, T x);
template <class T>
T apply_binary(int op, T x, T y);

}  // namespace optibridge
