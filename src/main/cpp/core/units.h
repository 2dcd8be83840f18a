// Gradients that are rows of a larger tensor, brought into the form that a step needs. Header only:
// both bridges compile it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/ob_core.h"

namespace optibridge {

// One tensor's gradient in units: stretches of elements that are stepped as one. A unit is a row,
// or a piece of a dense gradient. Rows named more than once are one unit, whose gradient is the
// sum, added in the order in which they were given.
class Units {
 public:
  // For a tensor of that name and shape. Checks row numbers; throws std::invalid_argument. Memory
  // is kept from one call to the next and grows with the rows given, if they are not in ascending
  // order.
  void prepare(const ob_rows& given, const std::string& name, const int64_t* shape, size_t ndim);

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
  // Elements of a piece of a dense gradient.
  static constexpr int64_t kPiece = 16384;

  void prepare_dense(int64_t numel);
  void order_rows(const ob_rows& given);

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

inline void Units::prepare(const ob_rows& given, const std::string& name, const int64_t* shape,
                           size_t ndim) {
  const int64_t numel =
      std::accumulate(shape, shape + ndim, int64_t{1}, std::multiplies<int64_t>());
  order_.clear();
  first_.clear();
  has_sums_ = false;
  rows_ = given.rows;
  values_ = given.values;
  if (given.rows == nullptr) {
    prepare_dense(numel);
    return;
  }
  if (ndim == 0) throw std::invalid_argument("'" + name + "' is a scalar and has no rows");
  const int64_t extent = shape[0];
  width_ = extent == 0 ? 0 : numel / extent;
  size_ = given.count;
  bool ascending = true;
  for (int64_t i = 0; i < given.count; ++i) {
    const int64_t row = given.rows[i];
    if (row < 0 || row >= extent) {
      throw std::invalid_argument("the gradient of '" + name + "' has the row " +
                                  std::to_string(row) + " at position " + std::to_string(i) +
                                  "; the tensor has the rows 0 to " + std::to_string(extent - 1));
    }
    ascending &= i == 0 || given.rows[i - 1] < row;
  }
  if (!ascending) order_rows(given);
  elements_ = size_ * width_;
}

inline void Units::prepare_dense(int64_t numel) {
  width_ = std::max<int64_t>(1, std::min(kPiece, numel));
  elements_ = numel;
  size_ = (elements_ + width_ - 1) / width_;
}

inline void Units::order_rows(const ob_rows& given) {
  order_.resize(static_cast<size_t>(given.count));
  std::iota(order_.begin(), order_.end(), 0);
  std::stable_sort(order_.begin(), order_.end(),
                   [&](int64_t a, int64_t b) { return given.rows[a] < given.rows[b]; });
  for (int64_t i = 0; i < given.count; ++i) {
    if (i == 0 || given.rows[order_[i]] != given.rows[order_[i - 1]]) first_.push_back(i);
  }
  size_ = static_cast<int64_t>(first_.size());
  has_sums_ = size_ < given.count;
  first_.push_back(given.count);
}

}  // namespace optibridge
