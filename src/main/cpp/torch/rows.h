// Gradients that are rows of a larger tensor, brought into the form that a step needs.
#pragma once

#include <c10/util/ArrayRef.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/ob_core.h"

namespace optibridge::torch_bridge {

// One tensor's gradient in units: stretches of elements that are stepped as one. A unit is a row,
// or a piece of a dense gradient. Rows named more than once are one unit, whose gradient is the
// sum, added in the order in which they were given.
class Units {
 public:
  // For a tensor of that name and shape. Checks row numbers; throws std::invalid_argument. Memory
  // is kept from one call to the next and grows with the rows given, if they are not in ascending
  // order.
  void prepare(const ob_rows& given, const std::string& name, c10::IntArrayRef shape);

  int64_t size() const { return size_; }
  bool dense() const { return rows_ == nullptr; }
  int64_t width() const { return width_; }
  int64_t offset(int64_t unit) const { return row(unit) * width_; }
  int64_t row(int64_t unit) const {
    return dense() ? unit : rows_[first_.empty() ? unit : order_[first_[unit]]];
  }
  int64_t length(int64_t unit) const {
    return dense() && unit + 1 == size_ ? elements_ - unit * width_ : width_;
  }
  // Elements of all units together.
  int64_t elements() const { return elements_; }

  // Its gradient: where it was given, or the sum in `scratch`, which has room for `width`.
  template <class T>
  const T* gradient(int64_t unit, T* scratch) const {
    const T* values = static_cast<const T*>(values_);
    if (first_.empty()) return values + unit * width_;
    const int64_t begin = first_[unit];
    const int64_t end = first_[unit + 1];
    const T* one = values + order_[begin] * width_;
    if (end == begin + 1) return one;
    for (int64_t j = 0; j < width_; ++j) scratch[j] = one[j];
    for (int64_t i = begin + 1; i < end; ++i) {
      const T* more = values + order_[i] * width_;
      for (int64_t j = 0; j < width_; ++j) scratch[j] += more[j];
    }
    return scratch;
  }
  bool has_sums() const { return has_sums_; }

 private:
  const int64_t* rows_ = nullptr;
  const void* values_ = nullptr;
  int64_t size_ = 0;
  int64_t width_ = 0;
  int64_t elements_ = 0;
  bool has_sums_ = false;
  // Positions by row, and where each distinct row begins; empty if rows ascend as given.
  std::vector<int64_t> order_;
  std::vector<int64_t> first_;
};

}  // namespace optibridge::torch_bridge
