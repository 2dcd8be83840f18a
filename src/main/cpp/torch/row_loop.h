// Runs through the units of a gradient, on several threads if that pays.
#pragma once

#include <algorithm>
#include <atomic>
#include <vector>

#include "core/units.h"
#include "torch/threads.h"

namespace optibridge::torch_bridge {

// Elements from which on other threads are woken, and of what a thread takes at a time.
constexpr int64_t kManyElements = 131072;
constexpr int64_t kShare = 16384;

// Calls body(unit, gradient) once for each unit; gradient is of T. Distinct units never overlap.
template <class T, class Body>
void each_unit(const Units& units, const Body& body) {
  const int64_t width = std::max<int64_t>(1, units.width());
  const int32_t threads =
      units.elements() < kManyElements ? 1 : optibridge::torch_bridge::threads();
  std::vector<T> scratch(units.has_sums() ? static_cast<size_t>(threads * width) : 0);
  const int64_t share = std::max<int64_t>(1, kShare / width);
  struct Shared {
    const Units& units;
    const Body& body;
    T* scratch;
    int64_t width;
    int64_t share;
    std::atomic<int64_t> next{0};
    std::atomic<int32_t> thread{0};
  } shared{units, body, scratch.data(), width, share};
  const auto work = [](void* context) {
    auto& s = *static_cast<Shared*>(context);
    T* mine = s.scratch == nullptr ? nullptr : s.scratch + s.thread++ * s.width;
    for (;;) {
      const int64_t from = s.next.fetch_add(s.share);
      if (from >= s.units.size()) return;
      const int64_t to = std::min(s.units.size(), from + s.share);
      for (int64_t unit = from; unit < to; ++unit) {
        s.body(unit, s.units.gradient(unit, mine));
      }
    }
  };
  if (threads == 1) {
    work(&shared);
  } else {
    run_on_threads(threads, work, &shared);
  }
}

}  // namespace optibridge::torch_bridge
