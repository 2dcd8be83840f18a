// Conversions of 16-bit floating point on every instruction set that the processor has: all
// patterns, and numbers at and beside every tie, against the definition. `half_kernels_test bench`
// prints the speed instead.
#include <chrono>
#include <cstdio>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "core/block_kernels.h"
#include "core/convert.h"
#include "core/half.h"
#include "test/check.h"
#include "test/half_support.h"

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

namespace {

using ob_test::HalfFormat;
using ob_test::kBfloat16;
using ob_test::kFloat16;
using optibridge::KernelTable;

std::vector<const KernelTable*> tables() {
  std::vector<const KernelTable*> all{&optibridge::kernels_baseline()};
#ifdef OB_X86_KERNELS
  // What the library chooses includes the lesser ones.
  const KernelTable& best = optibridge::kernels();
  if (&best != all[0]) all.push_back(&optibridge::kernels_avx2());
  if (&best == &optibridge::kernels_avx512()) all.push_back(&best);
#endif
  return all;
}

auto widen_of(const KernelTable& table, const HalfFormat& f) {
  return f.dtype == OB_FLOAT16 ? table.widen_float16 : table.widen_bfloat16;
}
auto narrow_of(const KernelTable& table, const HalfFormat& f) {
  return f.dtype == OB_FLOAT16 ? table.narrow_float16 : table.narrow_bfloat16;
}

uint32_t bits_of(float x) { return optibridge::bits_of(x); }

std::vector<uint16_t> all_patterns() {
  std::vector<uint16_t> all(65536);
  for (size_t i = 0; i < all.size(); i++) all[i] = static_cast<uint16_t>(i);
  return all;
}

// The widened NaN: bfloat16's bits as they are, float16's with the quiet bit.
uint32_t widened_nan(const HalfFormat& f, uint16_t h) {
  const uint32_t sign = static_cast<uint32_t>(h & 0x8000) << 16;
  const uint32_t fraction = static_cast<uint32_t>(h & ((1 << f.fraction) - 1)) << (23 - f.fraction);
  return sign | 0x7f800000 | fraction | (f.dtype == OB_FLOAT16 ? 0x400000 : 0);
}

uint16_t narrowed_nan(const HalfFormat& f, uint32_t bits) {
  const uint32_t fraction = (bits & 0x7fffff) >> (23 - f.fraction);
  return static_cast<uint16_t>((bits >> 16 & 0x8000) | 0x7fff >> f.fraction << f.fraction |
                               1U << (f.fraction - 1) | fraction);
}

uint16_t expected(const HalfFormat& f, float x) {
  return x != x ? narrowed_nan(f, bits_of(x)) : ob_test::half_bits(f, x);
}

void all_patterns_widen(const HalfFormat& f) {
  const std::vector<uint16_t> patterns = all_patterns();
  for (const KernelTable* table : tables()) {
    std::vector<float> wide(patterns.size());
    widen_of(*table, f)(patterns.data(), wide.data(), 65536);
    std::vector<uint16_t> back(patterns.size());
    narrow_of(*table, f)(wide.data(), back.data(), 65536);
    int wrong = 0;
    for (size_t i = 0; i < patterns.size(); i++) {
      const uint16_t h = patterns[i];
      const bool nan = ob_test::is_half_nan(f, h);
      const uint32_t bits =
          nan ? widened_nan(f, h) : bits_of(static_cast<float>(ob_test::half_value(f, h)));
      const uint16_t again = nan ? narrowed_nan(f, bits) : h;
      float one = 0;
      widen_of(*table, f)(&h, &one, 1);  // the loop's rest
      if (bits_of(wide[i]) != bits || bits_of(one) != bits || back[i] != again) wrong++;
    }
    CHECK(wrong == 0);
  }
}

// Every number of the format, the middle to the next one, and the float32 numbers around both;
// then anything.
std::vector<float> interesting(const HalfFormat& f) {
  std::vector<float> all;
  for (uint32_t h = 0; h < 65536; h++) {
    if (ob_test::is_half_nan(f, static_cast<uint16_t>(h))) continue;
    const double value = ob_test::half_value(f, static_cast<uint16_t>(h));
    const double next = ob_test::half_value(f, static_cast<uint16_t>(h + 1));
    const double largest = std::ldexp(2 - std::ldexp(1, -f.fraction - 1), f.bias);
    const double middle = std::isinf(next) ? std::copysign(largest, value) : (value + next) / 2;
    for (const double x : {value, std::isfinite(middle) ? middle : value}) {
      const auto narrow = static_cast<float>(x);
      all.insert(all.end(),
                 {narrow, std::nextafter(narrow, INFINITY), std::nextafter(narrow, -INFINITY)});
    }
  }
  for (const uint32_t bits :
       {0U,          1U,          0x007fffffU, 0x00800000U, 0x33000000U, 0x33000001U,
        0x38800000U, 0x387fffffU, 0x477fefffU, 0x477ff000U, 0x47800000U, 0x7f7fffffU,
        0x7f7f8000U, 0x7f7f7fffU, 0x7f800000U, 0x7f800001U, 0x7fa00000U, 0x7fbfffffU,
        0x7fc00000U, 0x7fc02000U, 0x7fffffffU}) {
    all.push_back(optibridge::float_of(bits));
    all.push_back(optibridge::float_of(bits | 0x80000000));
  }
  std::mt19937 random(3);
  for (int i = 0; i < 500003; i++) {
    all.push_back(optibridge::float_of(static_cast<uint32_t>(random())));
  }
  return all;
}

void ties_and_edges(const HalfFormat& f) {
  const std::vector<float> numbers = interesting(f);
  std::vector<uint16_t> wanted;
  for (const float x : numbers) wanted.push_back(expected(f, x));
  for (const KernelTable* table : tables()) {
    std::vector<uint16_t> bulk(numbers.size()), parts(numbers.size());
    narrow_of(*table, f)(numbers.data(), bulk.data(), static_cast<int64_t>(numbers.size()));
    for (size_t i = 0; i < numbers.size(); i += 7) {
      const size_t n = std::min<size_t>(7, numbers.size() - i);
      narrow_of(*table, f)(numbers.data() + i, parts.data() + i, static_cast<int64_t>(n));
    }
    CHECK(bulk == wanted);
    CHECK(parts == wanted);
  }
}

// Threads of frameworks may treat subnormal numbers as zeros.
void flushing_changes_nothing(const HalfFormat& f) {
#if defined(__SSE__)
  const std::vector<float> numbers = interesting(f);
  const std::vector<uint16_t> patterns = all_patterns();
  for (const KernelTable* table : tables()) {
    const auto n = static_cast<int64_t>(numbers.size());
    std::vector<uint16_t> plain(numbers.size()), flushed(numbers.size());
    std::vector<float> wide(patterns.size()), flushed_wide(patterns.size());
    narrow_of(*table, f)(numbers.data(), plain.data(), n);
    widen_of(*table, f)(patterns.data(), wide.data(), 65536);
    const unsigned before = _mm_getcsr();
    _mm_setcsr(before | 0x8040);  // flush to zero, denormals are zeros
    narrow_of(*table, f)(numbers.data(), flushed.data(), n);
    widen_of(*table, f)(patterns.data(), flushed_wide.data(), 65536);
    _mm_setcsr(before);
    CHECK(plain == flushed);
    CHECK(std::memcmp(wide.data(), flushed_wide.data(), wide.size() * sizeof(float)) == 0);
  }
#else
  std::printf("flushing of subnormal numbers is not tested on this processor\n");
#endif
}

// float64 is rounded once, unless it is to go by way of float32.
void from_float64(const HalfFormat& f) {
  std::vector<double> numbers;
  for (const float x : interesting(f)) {
    if (x != x) continue;
    const double wide = x;
    numbers.insert(numbers.end(), {wide, std::nextafter(wide, INFINITY),
                                   std::nextafter(wide, -INFINITY), wide * 1e-30, wide * 1e300});
  }
  std::vector<uint16_t> narrow(numbers.size()), filled(1);
  optibridge::convert(OB_FLOAT64, reinterpret_cast<const char*>(numbers.data()), f.dtype,
                      reinterpret_cast<char*>(narrow.data()), static_cast<int64_t>(numbers.size()),
                      OB_FLOAT64);
  int wrong = 0;
  for (size_t i = 0; i < numbers.size(); i++) {
    const uint16_t wanted = ob_test::half_bits(f, numbers[i]);
    optibridge::fill(f.dtype, reinterpret_cast<char*>(filled.data()), numbers[i], 1);
    const double rounded = optibridge::rounded<double>(numbers[i], f.dtype);
    if (narrow[i] != wanted || filled[0] != wanted || rounded != ob_test::half_value(f, wanted)) {
      wrong++;
    }
  }
  CHECK(wrong == 0);
  // The middle between two numbers and a little more: float32 does not see the little.
  const double middle = 1 + std::ldexp(1, -f.fraction - 1), more = std::nextafter(middle, 2);
  uint16_t once = 0, twice = 0;
  const auto* from = reinterpret_cast<const char*>(&more);
  optibridge::convert(OB_FLOAT64, from, f.dtype, reinterpret_cast<char*>(&once), 1, OB_FLOAT64);
  optibridge::convert(OB_FLOAT64, from, f.dtype, reinterpret_cast<char*>(&twice), 1, OB_FLOAT32);
  CHECK(once == ob_test::half_bits(f, 1) + 1);
  CHECK(twice == ob_test::half_bits(f, 1));
}

// By way of a block of float32; equal dtypes keep every bit, of signalling NaN too.
void other_pairs() {
  const std::vector<uint16_t> patterns = all_patterns();
  const auto* from = reinterpret_cast<const char*>(patterns.data());
  for (const HalfFormat& f : {kFloat16, kBfloat16}) {
    const HalfFormat& g = f.dtype == OB_FLOAT16 ? kBfloat16 : kFloat16;
    std::vector<double> wide(patterns.size());
    std::vector<uint16_t> other(patterns.size()), same(patterns.size());
    optibridge::convert(f.dtype, from, OB_FLOAT64, reinterpret_cast<char*>(wide.data()), 65536,
                        OB_FLOAT64);
    optibridge::convert(f.dtype, from, g.dtype, reinterpret_cast<char*>(other.data()), 65536,
                        OB_FLOAT32);
    optibridge::convert(f.dtype, from, f.dtype, reinterpret_cast<char*>(same.data()), 65536,
                        OB_FLOAT32);
    CHECK(same == patterns);
    int wrong = 0;
    for (size_t i = 0; i < patterns.size(); i++) {
      const bool nan = ob_test::is_half_nan(f, patterns[i]);
      const double value = nan ? NAN : ob_test::half_value(f, patterns[i]);
      if (nan ? wide[i] == wide[i] || !ob_test::is_half_nan(g, other[i])
              : wide[i] != value || other[i] != ob_test::half_bits(g, value)) {
        wrong++;
      }
    }
    CHECK(wrong == 0);
  }
}

template <class Function>
double nanoseconds(Function run) {
  double best = 1e9;
  for (int round = 0; round < 20; round++) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 1000; i++) run();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    best = std::fmin(best, took.count() * 1e6 / optibridge::kBlock);
  }
  return best;
}

void bench() {
  std::printf("nanoseconds per element, one thread, a block in cache\n");
  std::vector<float> wide(optibridge::kBlock, 1.25F);
  std::vector<uint16_t> half(optibridge::kBlock);
  for (const KernelTable* table : tables()) {
    for (const HalfFormat& f : {kFloat16, kBfloat16}) {
      const double out =
          nanoseconds([&] { narrow_of(*table, f)(wide.data(), half.data(), optibridge::kBlock); });
      const double in =
          nanoseconds([&] { widen_of(*table, f)(half.data(), wide.data(), optibridge::kBlock); });
      std::printf("%-8s  %-8s  widen %.3f  narrow %.3f\n", table->instruction_set,
                  f.dtype == OB_FLOAT16 ? "float16" : "bfloat16", in, out);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string(argv[1]) == "bench") {
    bench();
    return 0;
  }
  for (const HalfFormat& f : {kFloat16, kBfloat16}) {
    all_patterns_widen(f);
    ties_and_edges(f);
    flushing_changes_nothing(f);
    from_float64(f);
  }
  other_pairs();
  return ob_test::result();
}
