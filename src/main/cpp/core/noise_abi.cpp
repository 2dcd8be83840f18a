// Chooses the noise kernels, and the C ABI of noise.
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

#include "core/block_kernels.h"
#include "core/guard.h"
#include "core/noise.h"
#include "core/ob_core.h"

#if defined(_WIN32)
#include <windows.h>
// after windows.h
#include <bcrypt.h>
#else
#include <sys/random.h>
#include <unistd.h>
#endif

namespace optibridge {

static const NoiseKernels& choose() {
#ifdef OB_X86_KERNELS
  if (&kernels() == &kernels_avx512()) {
    return noise_avx512();
  }
  if (&kernels() == &kernels_avx2()) {
    return noise_avx2();
  }
#endif
  return noise_baseline();
}

const NoiseKernels& noise_kernels() {
  static const NoiseKernels& table = choose();
  return table;
}

template <class T>
void fill_noise(int kind, const uint64_t key[4], uint64_t draw, uint64_t tensor, int64_t first,
                int64_t n, T* out) {
  if constexpr (sizeof(T) == sizeof(float)) {
    noise_kernels().f32(kind, key, draw, tensor, first, n, out);
  } else {
    noise_kernels().f64(kind, key, draw, tensor, first, n, out);
  }
}

template void fill_noise(int, const uint64_t*, uint64_t, uint64_t, int64_t, int64_t, float*);
template void fill_noise(int, const uint64_t*, uint64_t, uint64_t, int64_t, int64_t, double*);

static void random_bytes(void* out, size_t bytes) {
#if defined(_WIN32)
  const NTSTATUS status =
      BCryptGenRandom(nullptr, static_cast<PUCHAR>(out), static_cast<ULONG>(bytes),
                      BCRYPT_USE_SYSTEM_PREFERRED_RNG);
  if (status != 0) {
    throw std::runtime_error("BCryptGenRandom failed with status " + std::to_string(status));
  }
#else
  if (getentropy(out, bytes) != 0) {
    throw std::runtime_error(std::string("the system has no random bytes to give: ") +
                             std::strerror(errno));
  }
#endif
}

}  // namespace optibridge

ob_result ob_random_key(int64_t* key) noexcept {
  return optibridge::guarded("random key", [=] {
    if (key == nullptr) {
      throw std::invalid_argument("there is no array to write the key to");
    }
    optibridge::random_bytes(key, 4 * sizeof(int64_t));
  });
}

ob_result ob_fill_noise(int32_t kind, const int64_t* key, int64_t draw, int64_t tensor,
                        int64_t first, int64_t n, int32_t dtype, void* out) noexcept {
  return optibridge::guarded("fill noise", [=] {
    using namespace optibridge;
    if (kind != OB_NOISE_GAUSSIAN && kind != OB_NOISE_LAPLACE) {
      throw std::invalid_argument("unknown kind of noise " + std::to_string(kind));
    }
    if (tensor < 0 || tensor >= kNoiseTensors) {
      throw std::invalid_argument("tensor " + std::to_string(tensor) + " is not in [0, 2^31)");
    }
    if (first < 0 || n < 0 || n > kNoiseElements || first > kNoiseElements - n) {
      throw std::invalid_argument("elements must be in [0, 2^35), not " + std::to_string(n) +
                                  " from " + std::to_string(first) + " on");
    }
    if (key == nullptr || (out == nullptr && n > 0)) {
      throw std::invalid_argument("the key or the output is null");
    }
    uint64_t words[4];
    std::memcpy(words, key, sizeof words);
    const auto d = static_cast<uint64_t>(draw);
    const auto t = static_cast<uint64_t>(tensor);
    if (dtype == OB_FLOAT32) {
      fill_noise(kind, words, d, t, first, n, static_cast<float*>(out));
    } else if (dtype == OB_FLOAT64) {
      fill_noise(kind, words, d, t, first, n, static_cast<double*>(out));
    } else {
      throw std::invalid_argument("unknown dtype " + std::to_string(dtype));
    }
  });
}
