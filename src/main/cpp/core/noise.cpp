// Compiled once per instruction set, like block_kernels.cpp, with OB_KERNELS naming the table to
// define. Only + - * / and sqrt, which IEEE 754 defines to the bit; no contraction.
#include "core/noise.h"

#include <cmath>
#include <cstring>

#include "core/ob_core.h"

namespace optibridge {
namespace {

// ---- ChaCha20 --------------------------------------------------------------------------------

// Blocks computed at once, as many as fill the registers. Has no influence on the result.
#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif
constexpr int kBlocks = 16;  // of a group

typedef uint32_t Lanes __attribute__((vector_size(4 * kLanes)));

inline void quarter_round(Lanes& a, Lanes& b, Lanes& c, Lanes& d) {
  a += b;
  d ^= a;
  d = (d << 16) | (d >> 16);
  c += d;
  b ^= c;
  b = (b << 12) | (b >> 20);
  a += b;
  d ^= a;
  d = (d << 8) | (d >> 24);
  c += d;
  b ^= c;
  b = (b << 7) | (b >> 25);
}

void blocks(const uint32_t state[16], uint32_t bits[2 * kNoiseGroup]) {
  for (int from = 0; from < kBlocks; from += kLanes) {
    Lanes start[16];
    Lanes x[16];
    for (int w = 0; w < 16; w++) {
      start[w] = Lanes{} + state[w];
    }
    uint32_t counters[kLanes];
    for (int l = 0; l < kLanes; l++) {
      counters[l] = state[12] + static_cast<uint32_t>(from + l);
    }
    std::memcpy(&start[12], counters, sizeof counters);
    for (int w = 0; w < 16; w++) {
      x[w] = start[w];
    }
    for (int round = 0; round < 20; round += 2) {
      quarter_round(x[0], x[4], x[8], x[12]);
      quarter_round(x[1], x[5], x[9], x[13]);
      quarter_round(x[2], x[6], x[10], x[14]);
      quarter_round(x[3], x[7], x[11], x[15]);
      quarter_round(x[0], x[5], x[10], x[15]);
      quarter_round(x[1], x[6], x[11], x[12]);
      quarter_round(x[2], x[7], x[8], x[13]);
      quarter_round(x[3], x[4], x[9], x[14]);
    }
    for (int w = 0; w < 16; w++) {
      const Lanes sum = x[w] + start[w];
      std::memcpy(bits + kBlocks * w + from, &sum, sizeof sum);
    }
  }
}

// ---- from bits to noise ----------------------------------------------------------------------

constexpr uint64_t kBitsOfOne = 0x3ff0000000000000;
constexpr uint64_t kBitsOfSqrtHalf = 0x3fe6a09e667f3bcd;
constexpr uint64_t kBitsOfTwo52 = 0x4330000000000000;
constexpr double kLn2 = 0x1.62e42fefa39efp-1;
constexpr double kQuarterPi = 0x1.921fb54442d18p-1;

inline double from_bits(uint64_t bits) {
  double value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

inline uint64_t to_bits(double value) {
  uint64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

// Exact for x < 2^52. Written out because not every instruction set has this conversion.
inline double to_double(uint64_t x) { return from_bits(kBitsOfTwo52 | x) - 0x1p52; }

// (high + (low + 1/2) / 2^32) * unit, where high < 1 / unit: a uniform that is never 0. Small ones
// are exact, large ones rounded to float64; the largest may round to 1.
inline double uniform(uint64_t high, uint64_t low, double unit) {
  return to_double(high) * unit + (to_double(low) + 0.5) * (unit * 0x1p-32);
}

// The natural logarithm of a normal x > 0: x = 2^e m with m in [sqrt(1/2), sqrt(2)), and
// log m = 2 artanh s with s = (m - 1) / (m + 1), |s| < 0.172, by its series.
inline double log_of(double x) {
  const uint64_t bits = to_bits(x);
  const uint64_t biased = (bits + (kBitsOfOne - kBitsOfSqrtHalf)) >> 52;
  const double e = from_bits(kBitsOfTwo52 | biased) - (0x1p52 + 1023);
  const double m = from_bits(bits - (biased << 52) + kBitsOfOne);
  const double s = (m - 1) / (m + 1);
  const double q = s * s;
  double series = 2.0 / 21;
  series = series * q + 2.0 / 19;
  series = series * q + 2.0 / 17;
  series = series * q + 2.0 / 15;
  series = series * q + 2.0 / 13;
  series = series * q + 2.0 / 11;
  series = series * q + 2.0 / 9;
  series = series * q + 2.0 / 7;
  series = series * q + 2.0 / 5;
  series = series * q + 2.0 / 3;
  return e * kLn2 + (2 * s + s * (q * series));
}

// Taylor's series, for x in [0, pi/4], are as good as float64 is.
inline double sin_of(double x) {
  const double q = x * x;
  double series = -1.0 / 1307674368000;
  series = series * q + 1.0 / 6227020800;
  series = series * q - 1.0 / 39916800;
  series = series * q + 1.0 / 362880;
  series = series * q - 1.0 / 5040;
  series = series * q + 1.0 / 120;
  series = series * q - 1.0 / 6;
  return x + x * (q * series);
}

inline double cos_of(double x) {
  const double q = x * x;
  double series = 1.0 / 20922789888000;
  series = series * q - 1.0 / 87178291200;
  series = series * q + 1.0 / 479001600;
  series = series * q - 1.0 / 3628800;
  series = series * q + 1.0 / 40320;
  series = series * q - 1.0 / 720;
  series = series * q + 1.0 / 24;
  return 1 - (0.5 * q - q * (q * series));
}

// Of the angle's 64 bits, two choose the signs of cosine and sine, one whether they change places,
// and 61 an angle within (0, pi/4].
void gaussian(const uint32_t bits[2 * kNoiseGroup], double out[kNoiseGroup]) {
  constexpr int kHalf = kNoiseGroup / 2;
#pragma GCC ivdep
  for (int p = 0; p < kHalf; p++) {
    const double u = uniform(bits[2 * kHalf + p], bits[p], 0x1p-32);
    const double radius = std::sqrt(-2 * log_of(u));
    const uint64_t high = bits[3 * kHalf + p];
    const double angle = uniform(high & 0x1fffffff, bits[kHalf + p], 0x1p-29) * kQuarterPi;
    const uint64_t cosine = to_bits(cos_of(angle));
    const uint64_t sine = to_bits(sin_of(angle));
    const uint64_t change = (cosine ^ sine) & (0 - (high >> 29 & 1));
    out[p] = radius * from_bits(cosine ^ change ^ (high >> 31 << 63));
    out[kHalf + p] = radius * from_bits(sine ^ change ^ (high >> 30 << 63));
  }
}

void laplace(const uint32_t bits[2 * kNoiseGroup], double out[kNoiseGroup]) {
#pragma GCC ivdep
  for (int p = 0; p < kNoiseGroup; p++) {
    const uint64_t high = bits[kNoiseGroup + p];
    const double magnitude = -log_of(uniform(high & 0x7fffffff, bits[p], 0x1p-31));
    out[p] = from_bits(to_bits(magnitude) ^ (high >> 31 << 63));
  }
}

template <class T>
void fill(int kind, const uint64_t key[4], uint64_t draw, uint64_t tensor, int64_t first, int64_t n,
          T* out) {
  alignas(64) uint32_t bits[2 * kNoiseGroup];
  alignas(64) double noise[kNoiseGroup];
  uint32_t state[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
  for (int k = 0; k < 4; k++) {
    state[4 + 2 * k] = static_cast<uint32_t>(key[k]);
    state[5 + 2 * k] = static_cast<uint32_t>(key[k] >> 32);
  }
  state[13] = static_cast<uint32_t>(tensor) | (kind == OB_NOISE_LAPLACE ? 0x80000000U : 0);
  state[14] = static_cast<uint32_t>(draw);
  state[15] = static_cast<uint32_t>(draw >> 32);
  for (int64_t done = 0; done < n;) {
    const int64_t group = (first + done) / kNoiseGroup;
    const int64_t skip = (first + done) % kNoiseGroup;
    const int64_t rest = n - done;
    const int64_t take = rest < kNoiseGroup - skip ? rest : kNoiseGroup - skip;
    state[12] = static_cast<uint32_t>(group * kBlocks);
    blocks(state, bits);
    if (kind == OB_NOISE_LAPLACE) {
      laplace(bits, noise);
    } else {
      gaussian(bits, noise);
    }
    for (int64_t i = 0; i < take; i++) {
      out[done + i] = static_cast<T>(noise[skip + i]);
    }
    done += take;
  }
}

}  // namespace

#define OB_TEXT_(x) #x
#define OB_TEXT(x) OB_TEXT_(x)
#define OB_JOIN_(a, b) a##b
#define OB_JOIN(a, b) OB_JOIN_(a, b)

const NoiseKernels& OB_JOIN(noise_, OB_KERNELS)() {
  static const NoiseKernels kTable{
      OB_TEXT(OB_KERNELS), fill<float>, fill<double>, blocks, gaussian, laplace};
  return kTable;
}

}  // namespace optibridge
