// Loops that convert 16-bit floating point; included by block_kernels.cpp, which is compiled once
// per instruction set. Where the processor converts float16 itself it does; all else is half.h in
// vector loops.
#pragma once

#include "core/half.h"

#if defined(__F16C__)
#include <immintrin.h>
#endif

namespace optibridge {
namespace {

void widen_all_bfloat16(const uint16_t* from, float* to, int64_t n) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; i++) {
    to[i] = widen_bfloat16(from[i]);
  }
}

void narrow_all_bfloat16(const float* from, uint16_t* to, int64_t n) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; i++) {
    to[i] = narrow_bfloat16(from[i]);
  }
}

void widen_all_float16(const uint16_t* from, float* to, int64_t n) {
  int64_t i = 0;
#if defined(__F16C__)
  for (; i + 8 <= n; i += 8) {
    const __m128i half = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i));
    _mm256_storeu_ps(to + i, _mm256_cvtph_ps(half));
  }
#endif
#pragma GCC ivdep
  for (; i < n; i++) {
    to[i] = widen_float16(from[i]);
  }
}

void narrow_all_float16(const float* from, uint16_t* to, int64_t n) {
  int64_t i = 0;
#if defined(__F16C__)
  for (; i + 8 <= n; i += 8) {
    const __m128i half =
        _mm256_cvtps_ph(_mm256_loadu_ps(from + i), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i), half);
  }
#endif
#pragma GCC ivdep
  for (; i < n; i++) {
    to[i] = narrow_float16(from[i]);
  }
}

}  // namespace
}  // namespace optibridge
