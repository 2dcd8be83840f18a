#include "core/segments.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace optibridge {
namespace {

// Small tensors are handed out this many elements at a time.
constexpr int64_t kTask = 65536;

int64_t element_bytes(const ob_tensor& tensor) { return tensor.dtype == OB_FLOAT32 ? 4 : 8; }

// The distance from tensor t to the next in elements if every vector has them so far apart, with
// nothing of others between; else -1.
int64_t stride(const std::vector<const ob_tensor*>& vectors, int64_t t, Merge merge) {
  const ob_tensor& first = vectors[0][t];
  const int64_t bytes = element_bytes(first);
  const int64_t distance =
      static_cast<const char*>(vectors[0][t + 1].data) - static_cast<const char*>(first.data);
  const int64_t gap = distance - first.numel * bytes;
  if (gap < 0 || distance % bytes != 0 || (gap > 0 && merge != Merge::kOverGaps)) return -1;
  for (const ob_tensor* vector : vectors) {
    const auto step =
        static_cast<const char*>(vector[t + 1].data) - static_cast<const char*>(vector[t].data);
    if (step != distance || gap > vector[t].slack || vector[t + 1].dtype != first.dtype) return -1;
  }
  return distance / bytes;
}

}  // namespace

Segments::Segments(const std::vector<const ob_tensor*>& vectors, int64_t tensors, Merge merge,
                   int64_t longest) {
  if (vectors.empty()) throw std::invalid_argument("a program needs at least one vector");
  int64_t since = 0;
  starts_.push_back(0);
  for (int64_t t = 0; t < tensors; t++) {
    const int64_t first = t;
    int64_t length = 0;
    for (;; t++) {
      const ob_tensor& tensor = vectors[0][t];
      for (const ob_tensor* vector : vectors) {
        if (vector[t].numel != tensor.numel || vector[t].dtype != tensor.dtype ||
            vector[t].device_type != OB_CPU) {
          throw std::invalid_argument(std::string("tensor '") + tensor.name +
                                      "' differs in size, dtype or device between operands");
        }
      }
      const int64_t step =
          merge == Merge::kNever || t + 1 == tensors ? -1 : stride(vectors, t, merge);
      length += step < 0 ? tensor.numel : step;
      if (step < 0) break;
    }
    for (int64_t offset = 0; offset < length; offset += longest) {
      const int64_t part = std::min(longest, length - offset);
      segments_.push_back({first, offset, part});
      elements_ += part;
      since += part;
      if (since >= kTask) {
        starts_.push_back(size());
        since = 0;
      }
    }
  }
  if (starts_.back() != size()) starts_.push_back(size());
}

}  // namespace optibridge
