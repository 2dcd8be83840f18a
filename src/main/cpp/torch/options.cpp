#include "torch/options.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace optibridge::torch_bridge {
namespace {

[[noreturn]] void refuse(const std::string& class_name, const std::string& text) {
  throw std::invalid_argument(class_name + ": " + text);
}

struct Range {
  bool (*holds)(double);
  const char* text;
};

Range range_of(OptionRule::Kind kind) {
  switch (kind) {
    case OptionRule::ANY:
      return {[](double) { return true; }, "a finite number"};
    case OptionRule::NOT_NEGATIVE:
      return {[](double x) { return x >= 0; }, "a finite number that is not negative"};
    case OptionRule::POSITIVE:
      return {[](double x) { return x > 0; }, "a finite number above 0"};
    case OptionRule::NOT_POSITIVE:
      return {[](double x) { return x <= 0; }, "a finite number that is not positive"};
    case OptionRule::BELOW_ONE:
      return {[](double x) { return x >= 0 && x < 1; }, "in [0, 1)"};
    case OptionRule::UP_TO_ONE:
      return {[](double x) { return x >= 0 && x <= 1; }, "in [0, 1]"};
    case OptionRule::INSIDE_ONE:
      return {[](double x) { return x > 0 && x < 1; }, "in (0, 1)"};
    case OptionRule::ABOVE_ONE:
      return {[](double x) { return x > 1; }, "a finite number above 1"};
    case OptionRule::FROM_ONE:
      return {[](double x) { return x >= 1; }, "a finite number of at least 1"};
    case OptionRule::COUNT:
      return {[](double x) { return x >= 0 && x < 100 && x == std::floor(x); },
              "a whole number in [0, 100)"};
    case OptionRule::FLAG:
      return {[](double x) { return x == 0 || x == 1; }, "0 or 1"};
    case OptionRule::WHOLE:
      return {[](double x) { return x == std::floor(x); }, "a whole number"};
    case OptionRule::ANY_OR_NONE:
      return {[](double) { return true; }, "a finite number, or NaN"};
    case OptionRule::OR_NONE:
      return {[](double x) { return x >= 0; }, "a finite number that is not negative, or NaN"};
  }
  throw std::logic_error("a rule without a range");
}

void check(const std::string& class_name, const OptionRule& rule, double value) {
  const bool may_be_none = rule.kind == OptionRule::OR_NONE || rule.kind == OptionRule::ANY_OR_NONE;
  if (may_be_none && std::isnan(value)) return;
  const Range range = range_of(rule.kind);
  if (std::isfinite(value) && range.holds(value)) return;
  refuse(class_name, "option '" + std::string(rule.name) + "' is " + std::to_string(value) +
                         ", not " + range.text);
}

}  // namespace

std::vector<std::string> split(const char* text) {
  std::vector<std::string> parts;
  const std::string all = text == nullptr ? "" : text;
  if (all.empty()) return parts;
  size_t start = 0;
  for (size_t end; (end = all.find('\n', start)) != std::string::npos; start = end + 1) {
    parts.push_back(all.substr(start, end - start));
  }
  parts.push_back(all.substr(start));
  return parts;
}

std::string join(const std::vector<std::string>& parts) {
  std::string all;
  for (const std::string& part : parts) all += (all.empty() ? "" : "\n") + part;
  return all;
}

Options::Options(const std::string& class_name, const std::vector<OptionRule>& rules,
                 const char* names, const double* values, int32_t count)
    : class_name_(class_name), names_(split(names)) {
  if (count < 0 || names_.size() != static_cast<size_t>(count)) {
    refuse(class_name, std::to_string(names_.size()) + " option names but " +
                           std::to_string(count) + " values");
  }
  if (count > 0 && values == nullptr) refuse(class_name, "the values of the options are null");
  if (count > 0) values_.assign(values, values + count);
  for (size_t i = 0; i < names_.size(); ++i) {
    const auto rule = std::find_if(rules.begin(), rules.end(),
                                   [&](const OptionRule& r) { return names_[i] == r.name; });
    if (rule == rules.end()) refuse(class_name, "unknown option '" + names_[i] + "'");
    if (std::find(names_.begin(), names_.begin() + i, names_[i]) != names_.begin() + i) {
      refuse(class_name, "option '" + names_[i] + "' is given twice");
    }
    check(class_name, *rule, values_[i]);
  }
  for (const OptionRule& rule : rules) {
    if (std::find(names_.begin(), names_.end(), rule.name) == names_.end()) {
      refuse(class_name, "option '" + std::string(rule.name) + "' is missing");
    }
  }
  // PyTorch's own rule, and timm's; the fused kernel would not check it.
  if ((class_name == "SGD" || class_name == "timm.optim.Lars") && flag("nesterov") &&
      (get("momentum") == 0 || get("dampening") != 0)) {
    refuse(class_name, "option 'nesterov' needs a momentum and no dampening");
  }
}

double Options::get(const char* name) const {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found == names_.end()) throw std::logic_error(class_name_ + " has no option " + name);
  return values_[found - names_.begin()];
}

}  // namespace optibridge::torch_bridge
