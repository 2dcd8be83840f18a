// The options of an optimizer class: which exist, and the values one optimizer was given.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace optibridge::torch_bridge {

struct OptionRule {
  enum Kind {
    ANY,           // any finite number; so are all that follow
    NOT_NEGATIVE,  // [0, inf)
    POSITIVE,      // (0, inf)
    NOT_POSITIVE,  // (-inf, 0]
    BELOW_ONE,     // [0, 1)
    UP_TO_ONE,     // [0, 1]
    INSIDE_ONE,    // (0, 1)
    ABOVE_ONE,     // (1, inf)
    FROM_ONE,      // [1, inf)
    COUNT,         // a whole number in [0, 100)
    FLAG,          // 0 or 1
    WHOLE,         // a whole number
    OR_NONE,       // [0, inf), or NaN for Python's None
    ANY_OR_NONE    // a finite number, or NaN for Python's None
  };
  const char* name;
  Kind kind;
};

class Options {
 public:
  // Throws std::invalid_argument unless every rule's option is given exactly once, and no other.
  Options(const std::string& class_name, const std::vector<OptionRule>& rules, const char* names,
          const double* values, int32_t count);

  const std::string& class_name() const { return class_name_; }
  double get(const char* name) const;
  bool flag(const char* name) const { return get(name) != 0; }

 private:
  std::string class_name_;
  std::vector<std::string> names_;
  std::vector<double> values_;
};

// The options of a class; throws std::invalid_argument for a class that is not known.
const std::vector<OptionRule>& rules_of(const std::string& class_name);

// Parts between '\n'; none for an empty text.
std::vector<std::string> split(const char* text);
std::string join(const std::vector<std::string>& parts);

}  // namespace optibridge::torch_bridge
