// The elements of a vector's tensors, cut into stretches that a thread runs through.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/ob_core.h"
#include "core/program.h"

namespace optibridge {

// Elements from `offset` on, counted from the first of a tensor; merged stretches go on into the
// tensors after it.
struct Segment {
  int64_t tensor, offset, length;
  int32_t dtype;  // that it is computed in
};

class Segments {
 public:
  // Throws std::invalid_argument unless the vectors agree tensor by tensor.
  Segments(const std::vector<const ob_tensor*>& vectors, int64_t tensors, const Program& program,
           Merge merge, int64_t longest);

  const Segment& operator[](int64_t i) const { return segments_[static_cast<size_t>(i)]; }
  int64_t size() const { return static_cast<int64_t>(segments_.size()); }
  int64_t elements() const { return elements_; }
  // Task i takes the segments from start(i) up to start(i + 1).
  int64_t tasks() const { return static_cast<int64_t>(starts_.size()) - 1; }
  int64_t start(int64_t task) const { return starts_[static_cast<size_t>(task)]; }

 private:
  std::vector<Segment> segments_;
  std::vector<int64_t> starts_;
  int64_t elements_ = 0;
};

}  // namespace optibridge
