// How many threads libtorch uses.
#pragma once

#include <cstdint>

namespace optibridge::torch_bridge {

int32_t threads();
// Holds for steps on every thread, unlike at::set_num_threads, which may leave other threads as
// they are.
void set_threads(int32_t threads);

// An ob_executor on libtorch's own threads.
void run_on_threads(int32_t threads, void (*body)(void* context), void* context) noexcept;

// While it lives, libtorch works with the chosen number of threads, or with this one only.
class ThreadScope {
 public:
  explicit ThreadScope(bool alone);
  ~ThreadScope();
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;

 private:
  int before_ = 0;  // 0: nothing to restore
};

}  // namespace optibridge::torch_bridge
