// Elements of one dtype to another.
#pragma once

#include <cstdint>

#include "core/ob_core.h"

namespace optibridge {

[[noreturn]] void refuse_dtype(int32_t dtype);

// Bytes of an element; throws std::invalid_argument if there is no such dtype.
inline int64_t element_bytes(int32_t dtype) {
  switch (dtype) {
    case OB_FLOAT32:
      return 4;
    case OB_FLOAT64:
      return 8;
    case OB_FLOAT16:
    case OB_BFLOAT16:
      return 2;
    default:
      refuse_dtype(dtype);
  }
}

// Converts n elements to `by`, float32 or float64, and on to the target's dtype, each time rounded
// to nearest if there is less precision; equal dtypes are copied bit by bit. Memory must not
// overlap unless the dtypes are equal.
void convert(int32_t from_dtype, const char* from, int32_t to_dtype, char* to, int64_t n,
             int32_t by);

// Sets n elements to a number, rounded once.
void fill(int32_t dtype, char* to, double value, int64_t n);

}  // namespace optibridge
