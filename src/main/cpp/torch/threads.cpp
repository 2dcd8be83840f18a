#include "torch/threads.h"

#include <ATen/Parallel.h>
#include <ATen/TensorIterator.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <vector>

#if !defined(_WIN32)
#include <dlfcn.h>
#endif

namespace optibridge::torch_bridge {
namespace {

std::atomic<int32_t> chosen{0};  // 0: as libtorch decided

using SetThreads = void (*)(int);

// omp_set_num_threads of the very OpenMP runtime that libtorch uses: a search that starts at
// libtorch_cpu visits its dependencies. Linking one here could bring a second runtime.
SetThreads find_openmp() noexcept {
#if !defined(_WIN32)
  Dl_info info;
  if (dladdr(reinterpret_cast<void*>(&at::get_num_threads), &info) == 0) return nullptr;
  void* torch = dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
  if (torch == nullptr) return nullptr;
  return reinterpret_cast<SetThreads>(dlsym(torch, "omp_set_num_threads"));
#else
  return nullptr;
#endif
}

const SetThreads set_openmp = find_openmp();

}  // namespace

int32_t threads() {
  const int32_t wanted = chosen;
  return wanted > 0 ? wanted : at::get_num_threads();
}

void set_threads(int32_t threads) {
  if (threads < 1) return;
  at::set_num_threads(threads);
  chosen = threads;
}

void run_on_threads(int32_t threads, void (*body)(void*), void* context) noexcept {
  // A loop over a tensor of one byte for each thread. at::parallel_for itself would run alone here:
  // it is a template, and this library is compiled without OpenMP.
  try {
    std::vector<char> items(static_cast<size_t>(threads));
    at::Tensor tensor = at::for_blob(items.data(), at::IntArrayRef(static_cast<int64_t>(threads)))
                            .options(at::TensorOptions().dtype(at::kByte))
                            .target_device(at::kCPU)
                            .make_tensor();
    at::TensorIterator::nullary_op(tensor).for_each(
        [&](char**, const int64_t*, int64_t size, int64_t outer) {
          for (int64_t i = 0; i < size * outer; ++i) body(context);
        },
        /*grain_size=*/1);
  } catch (...) {
    body(context);  // no thread to be had: this one does what is left
  }
}

namespace {

struct Loop {
  const std::function<void(int64_t)>& body;
  const int64_t count;
  std::atomic<int64_t> next{0};
  std::mutex lock;
  std::exception_ptr error;

  void run() noexcept {
    for (int64_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < count;) {
      try {
        body(i);
      } catch (...) {
        const std::lock_guard<std::mutex> guard(lock);
        if (error == nullptr) error = std::current_exception();
        next = count;
      }
    }
  }
};

}  // namespace

void for_each(int64_t count, int32_t threads, const std::function<void(int64_t)>& body) {
  if (count < 2 || threads < 2) {
    for (int64_t i = 0; i < count; ++i) body(i);
    return;
  }
  Loop loop{body, count, {}, {}, {}};
  const auto run = [](void* context) { static_cast<Loop*>(context)->run(); };
  run_on_threads(static_cast<int32_t>(std::min<int64_t>(threads, count)), run, &loop);
  if (loop.error != nullptr) std::rethrow_exception(loop.error);
}

ThreadScope::ThreadScope(bool alone) {
  // Asking first also lets libtorch initialise this thread, which would undo a later change.
  const int now = at::get_num_threads();
  const int32_t wanted = chosen;
  if (wanted > 0 && wanted != now && !alone) at::set_num_threads(wanted);
  if (alone && now > 1 && set_openmp != nullptr) {
    before_ = now;
    set_openmp(1);
  }
}

ThreadScope::~ThreadScope() {
  if (before_ != 0) set_openmp(before_);
}

}  // namespace optibridge::torch_bridge
