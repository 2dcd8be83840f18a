#include "torch/options.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <stdexcept>

namespace optibridge::torch_bridge {
namespace {

[[noreturn]] void refuse(const std::string& class_name, const std::string& text) {
  throw std::invalid_argument(class_name + ": " + text);
}

void check(const std::string& class_name, const OptionRule& rule, double value) {
  const std::string option = "option '" + std::string(rule.name) + "' is " + std::to_string(value);
  switch (rule.kind) {
    case OptionRule::FLAG:
      if (value != 0 && value != 1) refuse(class_name, option + ", not 0 or 1");
      break;
    case OptionRule::BELOW_ONE:
      if (!(value >= 0 && value < 1)) refuse(class_name, option + ", not in [0, 1)");
      break;
    case OptionRule::NOT_NEGATIVE:
      if (!(value >= 0) || std::isinf(value)) {
        refuse(class_name, option + ", not a finite number that is not negative");
      }
      break;
  }
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

const std::vector<OptionRule>& rules_of(const std::string& class_name) {
  using R = OptionRule;
  static const std::vector<OptionRule> adam = {
      {"beta1", R::BELOW_ONE},           {"beta2", R::BELOW_ONE}, {"eps", R::NOT_NEGATIVE},
      {"weight_decay", R::NOT_NEGATIVE}, {"amsgrad", R::FLAG},    {"maximize", R::FLAG}};
  static const std::map<std::string, std::vector<OptionRule>> classes = {
      {"SGD",
       {{"momentum", R::NOT_NEGATIVE},
        {"dampening", R::NOT_NEGATIVE},
        {"weight_decay", R::NOT_NEGATIVE},
        {"nesterov", R::FLAG},
        {"maximize", R::FLAG}}},
      {"Adam", adam},
      {"AdamW", adam},
      {"Adagrad",
       {{"lr_decay", R::NOT_NEGATIVE},
        {"weight_decay", R::NOT_NEGATIVE},
        {"initial_accumulator_value", R::NOT_NEGATIVE},
        {"eps", R::NOT_NEGATIVE},
        {"maximize", R::FLAG}}},
      {"RMSprop",
       {{"alpha", R::NOT_NEGATIVE},
        {"eps", R::NOT_NEGATIVE},
        {"weight_decay", R::NOT_NEGATIVE},
        {"momentum", R::NOT_NEGATIVE},
        {"centered", R::FLAG},
        {"maximize", R::FLAG}}}};
  const auto found = classes.find(class_name);
  if (found == classes.end()) refuse(class_name, "no such optimizer class");
  return found->second;
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
  // PyTorch's own rule; the fused kernel would not check it.
  if (class_name == "SGD" && flag("nesterov") && (get("momentum") == 0 || get("dampening") != 0)) {
    refuse(class_name, "option 'nesterov' needs a momentum and no dampening");
  }
}

double Options::get(const char* name) const {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found == names_.end()) throw std::logic_error(class_name_ + " has no option " + name);
  return values_[found - names_.begin()];
}

}  // namespace optibridge::torch_bridge
