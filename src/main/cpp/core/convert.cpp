#include "core/convert.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

#include "core/block_kernels.h"
#include "core/half.h"
#include "core/ob_core.h"

namespace optibridge {
namespace {

template <class T>
const T* at(const char* address) {
  return reinterpret_cast<const T*>(address);
}
template <class T>
T* at(char* address) {
  return reinterpret_cast<T*>(address);
}

void widen(int32_t dtype, const char* from, float* to, int64_t n) {
  if (dtype == OB_FLOAT16) {
    kernels().widen_float16(at<uint16_t>(from), to, n);
  } else {
    kernels().widen_bfloat16(at<uint16_t>(from), to, n);
  }
}

void narrow(const float* from, int32_t dtype, char* to, int64_t n) {
  if (dtype == OB_FLOAT16) {
    kernels().narrow_float16(from, at<uint16_t>(to), n);
  } else {
    kernels().narrow_bfloat16(from, at<uint16_t>(to), n);
  }
}

bool is_half(int32_t dtype) { return dtype == OB_FLOAT16 || dtype == OB_BFLOAT16; }

}  // namespace

void refuse_dtype(int32_t dtype) {
  throw std::invalid_argument("unknown dtype " + std::to_string(dtype));
}

namespace {

// Between float64 and 16 bits goes by way of float32, a block at a time. It holds what a 16-bit
// number needs, and to odd it takes nothing from the rounding that follows.
template <class Step>
void by_blocks(int64_t n, Step step) {
  float block[kBlock];
  for (int64_t done = 0; done < n; done += kBlock) step(block, done, std::min(kBlock, n - done));
}

// One of the dtypes is float32 or float64, and they differ.
void convert_once(int32_t from_dtype, const char* from, int32_t to_dtype, char* to, int64_t n) {
  if (is_half(from_dtype) && to_dtype == OB_FLOAT32) {
    widen(from_dtype, from, at<float>(to), n);
  } else if (is_half(from_dtype)) {
    by_blocks(n, [&](float* block, int64_t done, int64_t part) {
      widen(from_dtype, from + done * 2, block, part);
      std::copy(block, block + part, at<double>(to) + done);
    });
  } else if (is_half(to_dtype) && from_dtype == OB_FLOAT32) {
    narrow(at<float>(from), to_dtype, to, n);
  } else if (is_half(to_dtype)) {
    by_blocks(n, [&](float* block, int64_t done, int64_t part) {
      const double* source = at<double>(from) + done;
      std::transform(source, source + part, block, [](double x) { return narrow_to_odd(x); });
      narrow(block, to_dtype, to + done * 2, part);
    });
  } else if (from_dtype == OB_FLOAT32) {
    std::copy(at<float>(from), at<float>(from) + n, at<double>(to));
  } else {
    std::transform(at<double>(from), at<double>(from) + n, at<float>(to),
                   [](double x) { return static_cast<float>(x); });
  }
}

}  // namespace

void convert(int32_t from_dtype, const char* from, int32_t to_dtype, char* to, int64_t n,
             int32_t by) {
  const int64_t from_bytes = element_bytes(from_dtype), to_bytes = element_bytes(to_dtype);
  if (from_dtype == to_dtype) {
    std::memmove(to, from, static_cast<size_t>(n * from_bytes));
  } else if (from_dtype == by || to_dtype == by) {
    convert_once(from_dtype, from, to_dtype, to, n);
  } else {
    alignas(double) char block[kBlock * sizeof(double)];
    for (int64_t done = 0; done < n; done += kBlock) {
      const int64_t part = std::min(kBlock, n - done);
      convert_once(from_dtype, from + done * from_bytes, by, block, part);
      convert_once(by, block, to_dtype, to + done * to_bytes, part);
    }
  }
}

void fill(int32_t dtype, char* to, double value, int64_t n) {
  if (dtype == OB_FLOAT32) {
    std::fill_n(at<float>(to), n, static_cast<float>(value));
  } else if (dtype == OB_FLOAT64) {
    std::fill_n(at<double>(to), n, value);
  } else {
    const float odd = narrow_to_odd(value);
    std::fill_n(at<uint16_t>(to), n,
                dtype == OB_FLOAT16 ? narrow_float16(odd) : narrow_bfloat16(odd));
  }
}

}  // namespace optibridge
