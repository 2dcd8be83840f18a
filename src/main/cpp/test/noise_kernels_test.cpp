// The kernels of noise on every instruction set that the processor has: the generator against RFC
// 8439, the same bits from all, accuracy and bounds. `noise_kernels_test bench` prints the speed
// instead.
#include <chrono>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "core/noise.h"
#include "core/ob_core.h"
#include "test/check.h"

namespace {

using optibridge::kNoiseGroup;
using optibridge::NoiseKernels;

std::vector<const NoiseKernels*> tables() {
  std::vector<const NoiseKernels*> all{&optibridge::noise_baseline()};
#ifdef OB_X86_KERNELS
  if (__builtin_cpu_supports("avx2")) {
    all.push_back(&optibridge::noise_avx2());
  }
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")) {
    all.push_back(&optibridge::noise_avx512());
  }
#endif
  return all;
}

template <class T>
bool same_bits(const T* a, const T* b, size_t n) {
  return std::memcmp(a, b, n * sizeof(T)) == 0;
}

// Section 2.3.2: key 00 01 .. 1f, nonce 000000090000004a00000000, counter 1.
void block_function() {
  uint32_t state[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
  for (uint32_t w = 0; w < 8; w++) {
    state[4 + w] = 4 * w + ((4 * w + 1) << 8) + ((4 * w + 2) << 16) + ((4 * w + 3) << 24);
  }
  state[12] = 1;
  state[13] = 0x09000000;
  state[14] = 0x4a000000;
  const uint32_t expected[16] = {0xe4e7f110, 0x15593bd1, 0x1fdd0f50, 0xc47120a3,
                                 0xc7f4d1c7, 0x0368c033, 0x9aaa2204, 0x4e6cd4c3,
                                 0x466482d2, 0x09aa9f07, 0x05d7c214, 0xa2028bd9,
                                 0xd19c12b5, 0xb94e16de, 0xe883d0cb, 0x4e3c50a2};
  for (const NoiseKernels* table : tables()) {
    // The block is that of lane l when the group starts l counters earlier.
    for (uint32_t lane = 0; lane < 16; lane++) {
      uint32_t bits[2 * kNoiseGroup];
      state[12] = 1 - lane;
      table->blocks(state, bits);
      for (uint32_t w = 0; w < 16; w++) {
        CHECK(bits[16 * w + lane] == expected[w]);
      }
    }
  }
}

// Where the bits of a call end up in ChaCha20's input, as noise.h documents it.
void layout() {
  for (const NoiseKernels* table : tables()) {
    for (const int kind : {OB_NOISE_GAUSSIAN, OB_NOISE_LAPLACE}) {
      const uint64_t key[4] = {0x0000000200000001, 0x0000000400000003, 0x0000000600000005,
                               0x0000000800000007};
      uint32_t state[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, 1, 2, 3, 4, 5, 6, 7, 8};
      state[12] = 16 * 9;
      state[13] = 11 + (kind == OB_NOISE_LAPLACE ? 0x80000000 : 0);
      state[14] = 12;
      state[15] = 13;
      uint32_t bits[2 * kNoiseGroup];
      double expected[kNoiseGroup], actual[kNoiseGroup];
      table->blocks(state, bits);
      (kind == OB_NOISE_LAPLACE ? table->laplace : table->gaussian)(bits, expected);
      table->f64(kind, key, 0x0000000d0000000c, 11, 9 * kNoiseGroup, kNoiseGroup, actual);
      CHECK(same_bits(actual, expected, kNoiseGroup));
    }
  }
}

void all_instruction_sets(int kind) {
  const uint64_t key[4] = {1, 2, 3, 4};
  const size_t n = 100003;
  std::vector<double> first(n), other(n);
  std::vector<float> narrow(n), narrowed(n);
  optibridge::noise_baseline().f64(kind, key, 5, 6, 11, static_cast<int64_t>(n), first.data());
  for (size_t i = 0; i < n; i++) {
    narrowed[i] = static_cast<float>(first[i]);
  }
  for (const NoiseKernels* table : tables()) {
    table->f64(kind, key, 5, 6, 11, static_cast<int64_t>(n), other.data());
    CHECK(same_bits(first.data(), other.data(), n));
    table->f32(kind, key, 5, 6, 11, static_cast<int64_t>(n), narrow.data());
    CHECK(same_bits(narrowed.data(), narrow.data(), n));
  }
}

// Against long double and libm, from the same uniforms.
void accuracy() {
  const uint64_t key[4] = {9, 8, 7, 6};
  uint32_t state[16] = {1, 2, 3, 4, static_cast<uint32_t>(key[0])};
  for (const NoiseKernels* table : tables()) {
    for (uint32_t group = 0; group < 200; group++) {
      uint32_t bits[2 * kNoiseGroup];
      double out[kNoiseGroup];
      state[12] = 16 * group;
      table->blocks(state, bits);
      table->gaussian(bits, out);
      for (int p = 0; p < 64; p++) {
        const double u = bits[128 + p] * 0x1p-32 + (bits[p] + 0.5) * 0x1p-64;
        const long double r = std::sqrt(-2 * std::log(static_cast<long double>(u)));
        const uint32_t high = bits[192 + p];
        const long double fraction = (high & 0x1fffffff) + (bits[64 + p] + 0.5L) * 0x1p-32L;
        const long double angle = fraction * 0x1p-29L * std::atan(1.0L);
        long double a = r * std::cos(angle), b = r * std::sin(angle);
        if ((high >> 29 & 1) != 0) {
          std::swap(a, b);
        }
        a = high >> 31 != 0 ? -a : a;
        b = (high >> 30 & 1) != 0 ? -b : b;
        CHECK_NEAR(out[p], static_cast<double>(a), 1e-15 * std::fabs(out[p]));
        CHECK_NEAR(out[64 + p], static_cast<double>(b), 1e-15 * std::fabs(out[64 + p]));
      }
      table->laplace(bits, out);
      for (int p = 0; p < kNoiseGroup; p++) {
        const uint32_t high = bits[128 + p];
        const double u = (high & 0x7fffffff) * 0x1p-31 + (bits[p] + 0.5) * 0x1p-63;
        const long double x = -std::log(static_cast<long double>(u));
        const auto expected = static_cast<double>(high >> 31 != 0 ? -x : x);
        CHECK_NEAR(out[p], expected, 1e-15 * std::fabs(expected));
      }
    }
  }
}

void extremes() {
  const uint32_t words[] = {0,          1,          0x1fffffff, 0x20000000, 0x3fffffff,
                            0x7fffffff, 0x80000000, 0xbfffffff, 0xfffffffe, 0xffffffff};
  for (const NoiseKernels* table : tables()) {
    double largest_gaussian = 0, largest_laplace = 0;
    for (const uint32_t low : words) {
      for (const uint32_t high : words) {
        for (const uint32_t angle_low : words) {
          for (const uint32_t angle_high : words) {
            uint32_t bits[2 * kNoiseGroup];
            double out[kNoiseGroup];
            for (int p = 0; p < 64; p++) {
              bits[p] = low;
              bits[64 + p] = angle_low;
              bits[128 + p] = high;
              bits[192 + p] = angle_high;
            }
            table->gaussian(bits, out);
            for (const double z : out) {
              CHECK(std::fabs(z) <= optibridge::kLargestGaussian);
              largest_gaussian = std::fmax(largest_gaussian, std::fabs(z));
            }
            table->laplace(bits, out);
            for (const double x : out) {
              CHECK(std::fabs(x) <= optibridge::kLargestLaplace);
              largest_laplace = std::fmax(largest_laplace, std::fabs(x));
            }
          }
        }
      }
    }
    // All bits 0 is the worst case, so the bounds are tight.
    CHECK_NEAR(largest_gaussian, std::sqrt(130 * std::log(2.0)), 1e-13);
    CHECK_NEAR(largest_laplace, 64 * std::log(2.0), 1e-13);
  }
}

template <class T>
double speed(optibridge::FillNoise<T> fill, int kind) {
  const uint64_t key[4] = {1, 2, 3, 4};
  const int64_t blocks = 20000;
  T out[1024];
  const auto start = std::chrono::steady_clock::now();
  for (int64_t i = 0; i < blocks; i++) {
    fill(kind, key, 0, 0, 1024 * i, 1024, out);
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  return static_cast<double>(1024 * blocks) / took.count();
}

void bench() {
  std::printf("elements per second, one thread, blocks of 1024\n");
  for (const NoiseKernels* table : tables()) {
    for (const int kind : {OB_NOISE_GAUSSIAN, OB_NOISE_LAPLACE}) {
      std::printf("%-8s  %-8s  float32 %.3g  float64 %.3g\n", table->instruction_set,
                  kind == OB_NOISE_GAUSSIAN ? "gaussian" : "laplace", speed(table->f32, kind),
                  speed(table->f64, kind));
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string(argv[1]) == "bench") {
    bench();
    return 0;
  }
  block_function();
  layout();
  accuracy();
  extremes();
  all_instruction_sets(OB_NOISE_GAUSSIAN);
  all_instruction_sets(OB_NOISE_LAPLACE);
  return ob_test::result();
}
