// Compiled once per instruction set, with OB_KERNELS naming the table to define. No fused
// multiply-add and no reordering of sums (see the flags in CMakeLists.txt), so that every
// instruction set gives the same bits.
#include "core/block_kernels.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "core/half_loops.h"
#include "core/pattern.h"

namespace optibridge {
namespace {

// Prefetches are spread over the loop, once per stride: many streams at once are more than the
// hardware follows, and asking for a whole block in one go would stall.
constexpr int64_t kStride = 64;

template <class T>
inline void fetch(const Arguments<T>& a, int64_t i) {
  constexpr int64_t kLine = 64, kBytes = sizeof(T), kHalf = sizeof(uint16_t);
  for (int64_t f = 0; f < a.fetches; f++) {
    for (int64_t k = 0; k < kStride * kBytes; k += kLine) {
      __builtin_prefetch(a.fetch[f] + i * kBytes + k);
    }
  }
  for (int64_t f = a.fetches; f < a.fetches + a.half_fetches; f++) {
    for (int64_t k = 0; k < kStride * kHalf; k += kLine) {
      __builtin_prefetch(a.fetch[f] + i * kHalf + k);
    }
  }
}

template <class P, class T>
inline void element(const Arguments<T>& a, int64_t i) {
  T made[Loop<P>::kSteps];
  Loop<P>::Body::at(a, made, i);
}

template <class P, class T>
void run(const Arguments<T>& arguments, int64_t n) {
  // A copy that nothing can alias.
  const Arguments<T> a = arguments;
  int64_t i = 0;
  for (; i + kStride <= n; i += kStride) {
    fetch(a, i);
#pragma GCC ivdep
    for (int64_t k = i; k < i + kStride; k++) {
      element<P>(a, k);
    }
  }
#pragma GCC ivdep
  for (; i < n; i++) {
    element<P>(a, i);
  }
}

// Sixteen fixed lanes: enough to hide the latency of an addition at any width, and an order of
// summation that is the same for all instruction sets.
template <class P, bool Squares, class T>
double reduce(const Arguments<T>& arguments, int64_t n) {
  constexpr int kLanes = 16;
  const Arguments<T> a = arguments;
  double lane[kLanes] = {};
  const auto term = [&](int64_t i) {
    const double x = static_cast<double>(Eval<P>::at(a, static_cast<const T*>(nullptr), i));
    return Squares ? x * x : x;
  };
  int64_t i = 0;
  for (; i + kStride <= n; i += kStride) {
    fetch(a, i);
    for (int64_t j = i; j < i + kStride; j += kLanes) {
      for (int k = 0; k < kLanes; k++) {
        lane[k] += term(j + k);
      }
    }
  }
  for (; i < n; i++) {
    lane[i % kLanes] += term(i);
  }
  double total = 0;
  for (double value : lane) {
    total += value;
  }
  return total;
}

// How many terms are infinite or NaN. Counts are exact in any order.
template <class P, class T>
double nonfinite(const Arguments<T>& arguments, int64_t n) {
  using Count = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  const Arguments<T> a = arguments;
  Count count = 0;
  const auto term = [&](int64_t i) {
    const T x = Eval<P>::at(a, static_cast<const T*>(nullptr), i);
    return Count(!(std::fabs(x) <= std::numeric_limits<T>::max()));
  };
  int64_t i = 0;
  for (; i + kStride <= n; i += kStride) {
    fetch(a, i);
    for (int64_t k = i; k < i + kStride; k++) {
      count += term(k);
    }
  }
  for (; i < n; i++) {
    count += term(i);
  }
  return static_cast<double>(count);
}

void floor_adam(float* p, const float* g, float* m, float* v, int64_t n) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; i++) {
    const float moment = m[i] + g[i];
    const float second = v[i] + g[i];
    p[i] = p[i] - moment;
    m[i] = moment;
    v[i] = second;
  }
}

void floor_step(float* p, const float* g, float* const* states, int32_t count, int64_t n) {
  // What is read once comes from memory, what is read again from cache.
  constexpr int64_t kBlock = 1024;
  for (int64_t from = 0; from < n; from += kBlock) {
    const int64_t to = std::min(n, from + kBlock);
#pragma GCC ivdep
    for (int64_t i = from; i < to; i++) p[i] = p[i] - g[i];
    for (int32_t s = 0; s < count; s++) {
      float* state = states[s];
#pragma GCC ivdep
      for (int64_t i = from; i < to; i++) state[i] = state[i] + g[i];
    }
  }
}

float floor_reads(const float* p, const float* g, const float* q, int64_t n) {
  constexpr int kLanes = 64;
  float lane[kLanes] = {};
  for (int64_t i = 0; i + kLanes <= n; i += kLanes) {
    for (int k = 0; k < kLanes; k++) {
      lane[k] += p[i + k] + g[i + k] + q[i + k];
    }
  }
  float total = 0;
  for (float value : lane) {
    total += value;
  }
  return total;
}

void floor_pipeline(float* p, const float* g, const float* q, float* m, float* v, int64_t n) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; i++) {
    const float moment = m[i] + g[i];
    const float second = v[i] + q[i];
    p[i] = p[i] - moment;
    m[i] = moment;
    v[i] = second;
  }
}

template <class T, class... P, class... Q>
BlockKernels<T> table(List<P...>, List<Q...>) {
  return {{run<P, T>...}, {reduce<Q, false, T>...}, {reduce<Q, true, T>...}, {nonfinite<Q, T>...}};
}

}  // namespace

#define OB_TEXT_(x) #x
#define OB_TEXT(x) OB_TEXT_(x)
#define OB_JOIN_(a, b) a##b
#define OB_JOIN(a, b) OB_JOIN_(a, b)

const KernelTable& OB_JOIN(kernels_, OB_KERNELS)() {
  static const KernelTable kTable{OB_TEXT(OB_KERNELS),
                                  table<float>(Patterns(), Summands()),
                                  table<double>(Patterns(), Summands()),
                                  widen_all_float16,
                                  widen_all_bfloat16,
                                  narrow_all_float16,
                                  narrow_all_bfloat16,
                                  floor_adam,
                                  floor_step,
                                  floor_reads,
                                  floor_pipeline};
  return kTable;
}

}  // namespace optibridge
