#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "core/guard.h"
#include "core/ob_core.h"

#if defined(__unix__) || defined(__APPLE__)
#include <sys/mman.h>
#define OB_HAS_MMAP 1
#endif

namespace {

constexpr int64_t kAlignment = 64;
constexpr int64_t kLarge = 1 << 20;
constexpr int64_t kHugePage = 2 << 20;
// Consecutive large blocks start this far apart within their pages. The step is no divisor of the
// 4 KiB period of an L1 cache's sets, so streams over several blocks spread over all sets.
constexpr int64_t kStaggerStep = 4096 + 320;
constexpr uint32_t kStaggers = 16;

// Sits in the 64 bytes before the address that a caller sees.
struct Header {
  void* base;
  int64_t reserved;  // bytes from base
  int64_t bytes;     // bytes asked for
  bool mapped;
};
static_assert(sizeof(Header) <= kAlignment);

std::atomic<int64_t> counters[OB_COUNTERS];
std::atomic<uint32_t> next_stagger{0};

Header* header_of(void* address) {
  return reinterpret_cast<Header*>(static_cast<char*>(address) - kAlignment);
}

void count_live(int64_t delta) {
  const int64_t live = counters[OB_LIVE_BYTES].fetch_add(delta) + delta;
  int64_t peak = counters[OB_PEAK_BYTES].load();
  while (live > peak && !counters[OB_PEAK_BYTES].compare_exchange_weak(peak, live)) {
  }
}

void* small_block(int64_t bytes) {
  const int64_t reserved = (bytes + 2 * kAlignment - 1) / kAlignment * kAlignment;
  void* base = std::aligned_alloc(kAlignment, static_cast<size_t>(reserved));
  if (base == nullptr) {
    throw std::bad_alloc();
  }
  std::memset(base, 0, static_cast<size_t>(reserved));
  void* address = static_cast<char*>(base) + kAlignment;
  *header_of(address) = {base, reserved, bytes, false};
  return address;
}

#ifdef OB_HAS_MMAP
void* large_block(int64_t bytes) {
  const int64_t stagger = (next_stagger.fetch_add(1) % kStaggers) * kStaggerStep;
  // Room to start on a huge page, which spares most of the TLB misses of a long stream.
  const int64_t reserved = bytes + kAlignment + stagger + kHugePage;
  void* base = mmap(nullptr, static_cast<size_t>(reserved), PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED) {
    throw std::bad_alloc();
  }
  const uintptr_t start =
      (reinterpret_cast<uintptr_t>(base) + kHugePage - 1) / kHugePage * kHugePage;
#ifdef MADV_HUGEPAGE
  if (bytes >= kHugePage) {
    madvise(reinterpret_cast<void*>(start), static_cast<size_t>(bytes + kAlignment + stagger),
            MADV_HUGEPAGE);
  }
#endif
  void* address = reinterpret_cast<void*>(start + static_cast<uintptr_t>(stagger + kAlignment));
  *header_of(address) = {base, reserved, bytes, true};
  return address;
}
#endif

}  // namespace

extern "C" {

ob_result ob_alloc(int64_t bytes, void** out) noexcept {
  return optibridge::guarded("allocate", [=] {
    if (bytes < 0 || bytes > std::numeric_limits<int64_t>::max() / 2) {
      throw std::bad_alloc();
    }
#ifdef OB_HAS_MMAP
    *out = bytes >= kLarge ? large_block(bytes) : small_block(bytes);
#else
    *out = small_block(bytes);
#endif
    count_live(bytes);
  });
}

void ob_free(void* address) noexcept {
  if (address == nullptr) {
    return;
  }
  const Header header = *header_of(address);
  count_live(-header.bytes);
#ifdef OB_HAS_MMAP
  if (header.mapped) {
    munmap(header.base, static_cast<size_t>(header.reserved));
    return;
  }
#endif
  std::free(header.base);
}

void ob_copy(void* to, const void* from, int64_t bytes) noexcept {
  std::memmove(to, from, static_cast<size_t>(bytes));
}

int64_t ob_counter(int32_t id) noexcept {
  return id >= 0 && id < OB_COUNTERS ? counters[id].load() : 0;
}

void ob_count(int32_t id, int64_t delta) noexcept {
  if (id == OB_LIVE_BYTES) {
    count_live(delta);
  } else if (id >= 0 && id < OB_COUNTERS) {
    counters[id].fetch_add(delta);
  }
}

void ob_reset_peak() noexcept { counters[OB_PEAK_BYTES].store(counters[OB_LIVE_BYTES].load()); }
}
