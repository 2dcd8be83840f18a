// Rows of a larger tensor.
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
    const int64_t width = extent == 0 ? 0 : target->numel / extent;
    if (target->dtype == OB_FLOAT32) {
      add_rows<float>(*target, *source, width, scale);
    } else if (target->dtype == OB_FLOAT64) {
      add_rows<double>(*target, *source, width, scale);
    } else {
      throw optibridge::Unsupported("rows of '" + name + "' have a dtype that can't be added here");
    }
  });
}

}  // extern "C"
