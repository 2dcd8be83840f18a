// Keyword arguments of an optimizer, as numbers with names.
#pragma once

#include <cmath>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>

#include "tensorflow/tf_c_api.h"

namespace optibridge::tensorflow_bridge {

class Options {
 public:
  Options(std::string class_name, const char* names, const double* values, int32_t count)
      : class_name_(std::move(class_name)) {
    if (count < 0 || (count > 0 && (names == nullptr || values == nullptr))) {
      throw std::invalid_argument("option names and values must not be null");
    }
    std::istringstream text(count == 0 ? "" : names);
    std::string name;
    int32_t i = 0;
    for (; i < count && std::getline(text, name); i++) values_[name] = values[i];
    if (i != count) throw std::invalid_argument("there are fewer option names than values");
  }

  const std::string& class_name() const { return class_name_; }
  double get(const char* name) const {
    const auto found = values_.find(name);
    if (found == values_.end()) {
      throw std::invalid_argument(class_name_ + " needs the option '" + name + "'");
    }
    return found->second;
  }
  bool flag(const char* name) const { return get(name) != 0; }
  // As Keras sees an option that it casts to the dtype of a variable: by way of float32.
  double cast(const char* name) const { return static_cast<float>(get(name)); }

 private:
  std::string class_name_;
  std::map<std::string, double> values_;
};

// In the arithmetic of a dtype.
inline double narrowed(TF_DataType dtype, double value) {
  return dtype == TF_FLOAT ? static_cast<float>(value) : value;
}
inline double power_in(TF_DataType dtype, double base, double exponent) {
  return dtype == TF_FLOAT ? std::pow(static_cast<float>(base), static_cast<float>(exponent))
                           : std::pow(base, exponent);
}
inline double one_minus(TF_DataType dtype, double value) { return narrowed(dtype, 1 - value); }

}  // namespace optibridge::tensorflow_bridge
