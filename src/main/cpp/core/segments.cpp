#include "core/segments.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "core/convert.h"

namespace optibridge {
namespace {

// Small tensors are handed out this many elements at a time.
constexpr int64_t kTask = 65536;

// The distance from tensor t to the next in elements if every vector has them so far apart, with
// nothing of others between; else -1.
int64_t stride(const std::vector<const ob_tensor*>& vectors, int64_t t, Merge merge) {
  int64_t elements = -1;
  for (const ob_tensor* vector : vectors) {
    const ob_tensor &here = vector[t], &next = vector[t + 1];
    const int64_t bytes = element_bytes(here.dtype);
    const int64_t distance =
        static_cast<const char*>(next.data) - static_cast<const char*>(here.data);
    const int64_t gap = distance - here.numel * bytes;
    if (gap < 0 || distance % bytes != 0 || (gap > 0 && merge != Merge::kOverGaps) ||
        gap > here.slack || next.dtype != here.dtype ||
        (elements >= 0 && distance / bytes != elements)) {
      return -1;
    }
    elements = distance / bytes;
  }
  return elements;
}

}  // namespace

Segments::Segments(const std::vector<const ob_tensor*>& vectors, int64_t tensors,
                   const Program& program, Merge merge, int64_t longest) {
  if (vectors.empty()) throw std::invalid_argument("a program needs at least one vector");
  // The first vector that is not converted says what is computed in.
  size_t leading = 0;
  while (leading < vectors.size() && program.converted[leading] != 0) leading++;
  int64_t since = 0;
  starts_.push_back(0);
  for (int64_t t = 0; t < tensors; t++) {
    const int64_t first = t;
    int64_t length = 0;
    int32_t dtype = program.dtype;
    for (;; t++) {
      const ob_tensor& tensor = vectors[0][t];
      if (leading < vectors.size()) dtype = vectors[leading][t].dtype;
      if (dtype != OB_FLOAT32 && dtype != OB_FLOAT64) {
        throw std::invalid_argument(std::string("tensor '") + tensor.name +
                                    "' is neither float32 nor float64");
      }
      for (size_t v = 0; v < vectors.size(); v++) {
        const ob_tensor& other = vectors[v][t];
        if (program.converted[v] != 0) element_bytes(other.dtype);
        if (other.numel != tensor.numel || (program.converted[v] == 0 && other.dtype != dtype) ||
            other.device_type != OB_CPU) {
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
      segments_.push_back({first, offset, part, dtype});
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
