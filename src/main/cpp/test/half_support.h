// 16-bit floating point by the definition, in float64: what the tests compare with.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "core/ob_core.h"

namespace ob_test {

struct HalfFormat {
  int32_t dtype;
  int fraction;  // bits
  int bias;
};

constexpr HalfFormat kFloat16{OB_FLOAT16, 10, 15};
constexpr HalfFormat kBfloat16{OB_BFLOAT16, 7, 127};

inline bool is_half_nan(const HalfFormat& f, uint16_t h) {
  return (h & 0x7fff) > 0x7fff >> f.fraction << f.fraction;
}

// Of what is no NaN.
inline double half_value(const HalfFormat& f, uint16_t h) {
  const int fraction = h & ((1 << f.fraction) - 1), exponent = (h & 0x7fff) >> f.fraction;
  double magnitude = std::ldexp(fraction, 1 - f.bias - f.fraction);
  if (exponent == 0x7fff >> f.fraction) {
    magnitude = INFINITY;
  } else if (exponent > 0) {
    magnitude = std::ldexp(fraction + (1 << f.fraction), exponent - f.bias - f.fraction);
  }
  return (h & 0x8000) != 0 ? -magnitude : magnitude;
}

// To the nearest, ties to even; x is no NaN.
inline uint16_t half_bits(const HalfFormat& f, double x) {
  const uint16_t sign = std::signbit(x) ? 0x8000 : 0;
  const auto infinity = static_cast<uint16_t>(0x7fff >> f.fraction << f.fraction);
  const double magnitude = std::fabs(x);
  if (magnitude == 0) return sign;
  if (std::isinf(magnitude)) return sign | infinity;
  const int lowest = 1 - f.bias;
  int exponent = std::ilogb(magnitude);
  if (exponent < lowest) exponent = lowest;
  if (exponent > f.bias) return sign | infinity;
  // In units of the last bit, which are even or odd as the pattern is. A carry into the exponent
  // is just the next pattern.
  const double units = std::nearbyint(std::ldexp(magnitude, f.fraction - exponent));
  const auto bits = static_cast<int32_t>(units) + (exponent - lowest) * (1 << f.fraction);
  return static_cast<uint16_t>(sign | (bits > infinity ? infinity : bits));
}

}  // namespace ob_test
