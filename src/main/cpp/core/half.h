// 16-bit floating point, one number at a time: float16 (IEEE 754 binary16) and bfloat16 (the upper
// half of a float32). To narrow is to round to nearest, ties to even; what is too large becomes
// infinite; a NaN stays one, with the quiet bit set and the upper bits of its payload. Only integer
// operations and sums of normal numbers, so that a thread which flushes subnormal numbers gets the
// same bits, and no branches, so that compilers make vector loops of it.
//
// In an unnamed namespace, as pattern.h: it is compiled for several instruction sets.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "core/ob_core.h"

namespace optibridge {
namespace {

inline uint32_t bits_of(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

inline float float_of(uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

inline float widen_bfloat16(uint16_t h) { return float_of(static_cast<uint32_t>(h) << 16); }

inline uint16_t narrow_bfloat16(float x) {
  const uint32_t u = bits_of(x);
  const uint32_t rounded = (u + 0x7fff + (u >> 16 & 1)) >> 16;
  const uint32_t nan = u >> 16 | 0x40;
  return static_cast<uint16_t>((u & 0x7fffffff) > 0x7f800000 ? nan : rounded);
}

inline float widen_float16(uint16_t h) {
  const uint32_t u = static_cast<uint32_t>(h & 0x7fff) << 13;
  const uint32_t normal = u + (112U << 23);
  // Infinity, or NaN made quiet.
  const uint32_t special = u + (224U << 23) + (u > 0x0f800000 ? 0x400000 & ~u : 0);
  // The fraction, read as that of a number of 2^-14 and more, less that much.
  const uint32_t subnormal = bits_of(float_of(u + (113U << 23)) - float_of(113U << 23));
  const uint32_t magnitude = u >= 0x0f800000 ? special : u < 0x00800000 ? subnormal : normal;
  return float_of(magnitude | (static_cast<uint32_t>(h & 0x8000) << 16));
}

inline uint16_t narrow_float16(float x) {
  const uint32_t all = bits_of(x), u = all & 0x7fffffff;
  const uint32_t normal = (u - (112U << 23) + 0xfff + (u >> 13 & 1)) >> 13;
  const uint32_t special = u > 0x7f800000 ? 0x7e00 | (u >> 13 & 0x3ff) : 0x7c00;
  // The last bit of 0.5 is worth that of a subnormal float16.
  const uint32_t subnormal = bits_of(float_of(u) + 0.5F) - bits_of(0.5F);
  const uint32_t magnitude = u >= 0x47800000 ? special : u < 0x38800000 ? subnormal : normal;
  return static_cast<uint16_t>(magnitude | (all >> 16 & 0x8000));
}

// To float32 by truncation, with the last bit set if anything was cut off: rounding the result to
// 16 bits is rounding x once.
inline float narrow_to_odd(double x) {
  const float f = static_cast<float>(x);
  const double back = f;
  const uint32_t u = bits_of(f);
  const uint32_t odd = (u - (std::fabs(back) > std::fabs(x) ? 1 : 0)) | 1;
  return back == x || x != x ? f : float_of(odd);
}
inline float narrow_to_odd(float x) { return x; }

// What a 16-bit type, given by its ob_dtype, makes of x; other types leave x alone.
template <class T>
inline T rounded(T x, T dtype) {
  const float f = narrow_to_odd(x);
  return dtype == T(OB_FLOAT16)    ? T(widen_float16(narrow_float16(f)))
         : dtype == T(OB_BFLOAT16) ? T(widen_bfloat16(narrow_bfloat16(f)))
                                   : x;
}

}  // namespace
}  // namespace optibridge
