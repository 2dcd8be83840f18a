// How many threads libtorch uses.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

namespace optibridge::torch_bridge {

int32_t threads();
// Holds for steps on every thread, unlike at::set_num_threads, which may leave other threads as
// they are.
void set_threads(int32_t threads);

// An ob_executor on libtorch's own threads.
void run_on_threads(int32_t threads, void (*body)(void* context), void* context) noexcept;

// Calls body(i) for each i from 0 to count - 1, on so many threads, until one throws; that is
// thrown here after all have ended. Which thread takes which i is left to chance.
void for_each(int64_t count, int32_t threads, const std::function<void(int64_t)>& body);

// The Euclidean norms of tensors, each over parts of fixed size in a fixed order.
std::vector<double> norms_on_threads(const std::vector<at::Tensor>& tensors);

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
