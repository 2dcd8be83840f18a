#include "core/pool.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>

#include "core/ob_core.h"

namespace optibridge {
namespace {

std::atomic<ob_executor> borrowed{nullptr};

class Pool {
 public:
  void run(int64_t tasks, void (*work)(void*, int64_t), void* context) {
    const int32_t wanted = static_cast<int32_t>(std::min<int64_t>(ob_threads(), tasks));
    std::unique_lock<std::mutex> turn(turn_, std::try_to_lock);
    if (wanted <= 1 || !turn.owns_lock()) {
      for (int64_t task = 0; task < tasks; task++) {
        work(context, task);
      }
      return;
    }
    if (const ob_executor executor = borrowed.load()) {
      work_ = work;
      context_ = context;
      tasks_ = tasks;
      next_.store(0);
      executor(wanted, [](void* self) { static_cast<Pool*>(self)->drain(); }, this);
      return;
    }
    start(wanted - 1);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      work_ = work;
      context_ = context;
      tasks_ = tasks;
      next_.store(0);
      helpers_ = std::min(wanted - 1, started_);
      running_ = helpers_;
      generation_++;
    }
    wake_.notify_all();
    drain();
    std::unique_lock<std::mutex> lock(mutex_);
    done_.wait(lock, [this] { return running_ == 0; });
  }

 private:
  // Threads are never joined: they sleep until the process ends, whatever order its libraries are
  // torn down in.
  void start(int32_t count) {
    while (started_ < count) {
      try {
        const int32_t index = started_;
        std::thread([this, index] { serve(index); }).detach();
      } catch (const std::system_error&) {
        return;  // fewer threads than asked for still do all the work
      }
      started_++;
    }
  }

  void serve(int32_t index) {
    uint64_t seen = 0;
    std::unique_lock<std::mutex> lock(mutex_);
    while (true) {
      wake_.wait(lock, [&] { return generation_ != seen; });
      seen = generation_;
      if (index >= helpers_) {
        continue;
      }
      lock.unlock();
      drain();
      lock.lock();
      if (--running_ == 0) {
        done_.notify_one();
      }
    }
  }

  void drain() {
    for (int64_t task; (task = next_.fetch_add(1)) < tasks_;) {
      work_(context_, task);
    }
  }

  std::mutex turn_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  void (*work_)(void*, int64_t) = nullptr;
  void* context_ = nullptr;
  int64_t tasks_ = 0;
  std::atomic<int64_t> next_{0};
  int32_t helpers_ = 0;
  int32_t running_ = 0;
  int32_t started_ = 0;
  uint64_t generation_ = 0;
};

std::atomic<int32_t> thread_limit{0};

}  // namespace

void parallel(int64_t tasks, void (*work)(void*, int64_t), void* context) {
  static Pool* pool = new Pool;  // outlives its detached threads
  pool->run(tasks, work, context);
}

}  // namespace optibridge

void ob_set_executor(ob_executor executor) noexcept { optibridge::borrowed.store(executor); }

void ob_set_threads(int32_t threads) noexcept {
  optibridge::thread_limit.store(std::max(0, threads));
}

int32_t ob_threads(void) noexcept {
  const int32_t limit = optibridge::thread_limit.load();
  // Asked once: the answer costs microseconds, more than a small step.
  static const int32_t processors =
      std::max(1, static_cast<int32_t>(std::thread::hardware_concurrency()));
  return limit > 0 ? limit : processors;
}
