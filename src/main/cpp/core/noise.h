// Noise for differential privacy from a counter-based generator.
//
// The noise of an element is a pure function of (kind, key, draw, tensor, index of the element):
// neither the cut into calls nor threads nor the instruction set changes a bit of it. Elements are
// made in groups of 128. The 16 ChaCha20 blocks (RFC 8439) of group g have the state
//
//   words 0-3    the constants of ChaCha
//   words 4-11   the key, low half of each 64-bit word first
//   word 12      16 g + l for block l: the block counter
//   word 13      the tensor; bit 31 is set for Laplace noise
//   words 14-15  the draw, low half first
//
// so that no two elements of one key share a bit: 2^64 draws of 2^31 tensors of 2^35 elements, for
// each of the two kinds. `bits[16 w + l]` is word w of block l; element p of the group has the low
// word bits[p] and the high word bits[128 + p].
//
// Gaussian: Box-Muller on elements p and p + 64, 64 bits for the radius and 64 for the angle.
// Laplace: 63 bits for the magnitude and one for the sign. All of it is computed in float64 by
// polynomials of our own, since the bits of a libm's log, sin and cos differ between machines;
// float32 noise is that, narrowed.
#pragma once

#include <cstdint>

namespace optibridge {

constexpr int64_t kNoiseGroup = 128;
constexpr int64_t kNoiseTensors = int64_t{1} << 31;
constexpr int64_t kNoiseElements = int64_t{1} << 35;

// Bounds of a draw: sqrt(130 ln 2) and 64 ln 2, as the smallest uniforms are 2^-65 and 2^-64, a
// little rounded up.
constexpr double kLargestGaussian = 9.4926;
constexpr double kLargestLaplace = 44.3615;

template <class T>
using FillNoise = void (*)(int kind, const uint64_t key[4], uint64_t draw, uint64_t tensor,
                           int64_t first, int64_t n, T* out);

struct NoiseKernels {
  const char* instruction_set;
  FillNoise<float> f32;
  FillNoise<double> f64;
  // What these are made of: 16 blocks from the state of the first, and the maps from their bits to
  // the noise of a group.
  void (*blocks)(const uint32_t state[16], uint32_t bits[2 * kNoiseGroup]);
  void (*gaussian)(const uint32_t bits[2 * kNoiseGroup], double out[kNoiseGroup]);
  void (*laplace)(const uint32_t bits[2 * kNoiseGroup], double out[kNoiseGroup]);
};

// One for each object that noise.cpp is compiled into.
const NoiseKernels& noise_baseline();
#ifdef OB_X86_KERNELS
const NoiseKernels& noise_avx2();
const NoiseKernels& noise_avx512();
#endif

// The table for the instruction set that kernels() chose.
const NoiseKernels& noise_kernels();

// Writes the noise of elements [first, first + n) of a tensor, of standard deviation 1 (Gaussian)
// or scale 1 (Laplace); kind: OB_NOISE_GAUSSIAN or OB_NOISE_LAPLACE. Needs 0 <= first, tensor <
// kNoiseTensors and first + n <= kNoiseElements. Any cut is right; multiples of kNoiseGroup are
// fast.
template <class T>
void fill_noise(int kind, const uint64_t key[4], uint64_t draw, uint64_t tensor, int64_t first,
                int64_t n, T* out);

}  // namespace optibridge
