#include "torch/threads.h"

#include <ATen/Parallel.h>

#include <atomic>

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
  try {
    at::parallel_for(0, threads, 1, [&](int64_t from, int64_t to) {
      for (int64_t i = from; i < to; ++i) body(context);
    });
  } catch (...) {
    body(context);  // no thread to be had: this one does what is left
  }
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
