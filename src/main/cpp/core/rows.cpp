// Rows of a larger tensor.
#include <cstring>
#include <stdexcept>
#include <string>

#include "core/guard.h"
#include "core/ob_core.h"

namespace {

template <class T>
void add_rows(const ob_tensor& target, const ob_rows& source, int64_t width, double scale) {
  const T factor = static_cast<T>(scale);
  const T* values = static_cast<const T*>(source.values);
  for (int64_t i = 0; i < source.count; ++i, values += width) {
    T* row = static_cast<T*>(target.data) + source.rows[i] * width;
    for (int64_t j = 0; j < width; ++j) row[j] += factor * values[j];
  }
}

// Checks that the rows are the target's, and returns their width.
int64_t checked_width(const ob_tensor* target, const ob_rows* source) {
  if (target == nullptr || source == nullptr || source->rows == nullptr) {
    throw std::invalid_argument("an argument is null");
  }
  const std::string name = target->name == nullptr ? "?" : target->name;
  if (target->ndim < 1 || target->device_type != OB_CPU) {
    throw std::invalid_argument("'" + name + "' has no rows in host memory");
  }
  const int64_t extent = target->shape[0];
  const int64_t bad = ob_find_bad_row(source->rows, source->count, extent);
  if (bad >= 0) {
    throw std::invalid_argument("row " + std::to_string(source->rows[bad]) + " at position " +
                                std::to_string(bad) + " is not one of the " +
                                std::to_string(extent) + " of '" + name + "'");
  }
  if (target->dtype != OB_FLOAT32 && target->dtype != OB_FLOAT64) {
    throw optibridge::Unsupported("rows of '" + name + "' have a dtype that can't be added here");
  }
  return extent == 0 ? 0 : target->numel / extent;
}

}  // namespace

extern "C" {

int64_t ob_find_bad_row(const int64_t* rows, int64_t count, int64_t extent) OB_NOEXCEPT {
  for (int64_t i = 0; i < count; ++i) {
    if (rows[i] < 0 || rows[i] >= extent) return i;
  }
  return -1;
}

ob_result ob_add_rows(const ob_tensor* target, const ob_rows* source, double scale) OB_NOEXCEPT {
  return optibridge::guarded("add_rows", [&] {
    const int64_t width = checked_width(target, source);
    if (target->dtype == OB_FLOAT32) {
      add_rows<float>(*target, *source, width, scale);
    } else {
      add_rows<double>(*target, *source, width, scale);
    }
  });
}

ob_result ob_clear_rows(const ob_tensor* target, const ob_rows* source) OB_NOEXCEPT {
  return optibridge::guarded("clear_rows", [&] {
    const int64_t bytes = checked_width(target, source) * (target->dtype == OB_FLOAT32 ? 4 : 8);
    for (int64_t i = 0; i < source->count && bytes > 0; ++i) {
      char* row = static_cast<char*>(target->data) + source->rows[i] * bytes;
      std::memset(row, 0, static_cast<size_t>(bytes));
    }
  });
}

}  // extern "C"
