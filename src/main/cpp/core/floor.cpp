// The yardsticks of benchmarks: loops that do nothing but move the memory.
#include <algorithm>
#include <atomic>

#include "core/block_kernels.h"
#include "core/ob_core.h"
#include "core/pool.h"

namespace optibridge {
namespace {

struct Streams {
  float* p;
  const float* g;
  const float* q;
  float* m;
  float* v;
  int64_t numel, part;
  const int64_t* states = nullptr;
  int32_t count = 0;
  std::atomic<float> read{0};
};

// One stretch of memory for each thread, a multiple of a cache line long.
void over_stretches(Streams& streams, void (*work)(Streams& s, int64_t from, int64_t n)) {
  struct Task {
    Streams& streams;
    void (*work)(Streams& s, int64_t from, int64_t n);
  } task{streams, work};
  streams.part = streams.numel;
  if (streams.numel >= kParallelElements) {
    streams.part = (streams.numel / ob_threads() / 16 + 1) * 16;
  }
  parallel(
      streams.part == 0 ? 0 : (streams.numel + streams.part - 1) / streams.part,
      [](void* context, int64_t index) {
        const auto& t = *static_cast<Task*>(context);
        const int64_t from = index * t.streams.part;
        t.work(t.streams, from, std::min(t.streams.part, t.streams.numel - from));
      },
      &task);
}

}  // namespace
}  // namespace optibridge

using optibridge::Streams;

static constexpr int32_t kMostStates = 8;

void ob_floor_adam(float* p, const float* g, float* m, float* v, int64_t numel) noexcept {
  Streams streams{p, g, nullptr, m, v, numel, 0};
  optibridge::over_stretches(streams, [](Streams& s, int64_t from, int64_t n) {
    optibridge::kernels().floor_adam(s.p + from, s.g + from, s.m + from, s.v + from, n);
  });
}

void ob_floor_step(float* p, const float* g, const int64_t* states, int32_t count,
                   int64_t numel) noexcept {
  Streams streams{p, g, nullptr, nullptr, nullptr, numel, 0, states, std::min(count, kMostStates)};
  optibridge::over_stretches(streams, [](Streams& s, int64_t from, int64_t n) {
    float* at[kMostStates];
    for (int32_t k = 0; k < s.count; k++) at[k] = reinterpret_cast<float*>(s.states[k]) + from;
    optibridge::kernels().floor_step(s.p + from, s.g + from, at, s.count, n);
  });
}

float ob_floor_pipeline(float* p, const float* g, const float* q, float* m, float* v,
                        int64_t numel) noexcept {
  Streams streams{p, g, q, m, v, numel, 0};
  optibridge::over_stretches(streams, [](Streams& s, int64_t from, int64_t n) {
    s.read = optibridge::kernels().floor_reads(s.p + from, s.g + from, s.q + from, n);
  });
  optibridge::over_stretches(streams, [](Streams& s, int64_t from, int64_t n) {
    optibridge::kernels().floor_pipeline(s.p + from, s.g + from, s.q + from, s.m + from, s.v + from,
                                         n);
  });
  return streams.read;
}
