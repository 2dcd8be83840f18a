// Loops over one block of elements. Compiled once per instruction set; one table of function
// pointers is chosen at run time.
#pragma once

#include <cstdint>

namespace optibridge {

// Rows of scratch and steps through memory are this many elements long: a handful of float rows fit
// the smallest L1 data cache in use.
constexpr int64_t kBlock = 512;

constexpr int kMaxOuts = 3;
constexpr int kMaxRows = 5;
constexpr int kMaxScalars = 11;
constexpr int kMaxFetches = 6;

// The operands of one instruction. An output may be one of the rows but not overlap one otherwise.
template <class T>
struct Arguments {
  T* out[kMaxOuts];
  const T* row[kMaxRows];
  // What to fetch into cache meanwhile: as many elements as are computed, first of `fetches` rows
  // of T, then of `half_fetches` rows of 16 bits.
  const char* fetch[kMaxFetches];
  int64_t fetches, half_fetches;
  T scalar[kMaxScalars];
};

// The numbers of fused instructions in pattern.h.
constexpr int kPatterns = 74;
constexpr int kSummands = 6;

template <class T>
struct BlockKernels {
  void (*pattern[kPatterns])(const Arguments<T>& arguments, int64_t n);
  // Sums in float64; `out` is not used.
  double (*sum[kSummands])(const Arguments<T>& arguments, int64_t n);
  double (*sum_squares[kSummands])(const Arguments<T>& arguments, int64_t n);
  double (*nonfinite[kSummands])(const Arguments<T>& arguments, int64_t n);
};

struct KernelTable {
  const char* instruction_set;
  BlockKernels<float> f32;
  BlockKernels<double> f64;
  // As half.h does it, element by element.
  void (*widen_float16)(const uint16_t* from, float* to, int64_t n);
  void (*widen_bfloat16)(const uint16_t* from, float* to, int64_t n);
  void (*narrow_float16)(const float* from, uint16_t* to, int64_t n);
  void (*narrow_bfloat16)(const float* from, uint16_t* to, int64_t n);
  // The yardsticks: next to no arithmetic on the streams of an Adam step, of its pipeline's first
  // sweep (the sum keeps the reads alive) and of its second.
  void (*floor_adam)(float* p, const float* g, float* m, float* v, int64_t n);
  void (*floor_step)(float* p, const float* g, float* const* states, int32_t count, int64_t n);
  float (*floor_reads)(const float* p, const float* g, const float* q, int64_t n);
  void (*floor_pipeline)(float* p, const float* g, const float* q, float* m, float* v, int64_t n);
};

// One for each object that block_kernels.cpp is compiled into.
const KernelTable& kernels_baseline();
#ifdef OB_X86_KERNELS
const KernelTable& kernels_avx2();
const KernelTable& kernels_avx512();
#endif

// The best table for the processor that this runs on.
const KernelTable& kernels();

}  // namespace optibridge
