#include "torch/rows.h"

#include <c10/util/accumulate.h>

#include <algorithm>
#include <numeric>
#include <stdexcept>

namespace optibridge::torch_bridge {
namespace {

// Elements of a piece of a dense gradient.
constexpr int64_t kPiece = 16384;

}  // namespace

void Units::prepare(const ob_rows& given, const std::string& name, c10::IntArrayRef shape) {
  const int64_t numel = c10::multiply_integers(shape);
  order_.clear();
  first_.clear();
  has_sums_ = false;
  rows_ = given.rows;
  values_ = given.values;
  if (given.rows == nullptr) {
    width_ = std::max<int64_t>(1, std::min(kPiece, numel));
    elements_ = numel;
    size_ = (elements_ + width_ - 1) / width_;
    return;
  }
  if (shape.empty()) throw std::invalid_argument("'" + name + "' is a scalar and has no rows");
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
  if (!ascending) {
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
  elements_ = size_ * width_;
}

}  // namespace optibridge::torch_bridge
