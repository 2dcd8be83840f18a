// Which options each class has and what torch accepts for them.
#include <map>
#include <stdexcept>

#include "torch/imported.h"
#include "torch/options.h"

namespace optibridge::torch_bridge {
namespace {

using R = OptionRule;
using Rules = std::vector<OptionRule>;

// What the Adam family has: two betas, eps, weight_decay, and the given ones.
Rules adam(Rules more) {
  Rules rules = {{"beta1", R::BELOW_ONE},
                 {"beta2", R::BELOW_ONE},
                 {"eps", R::NOT_NEGATIVE},
                 {"weight_decay", R::NOT_NEGATIVE},
                 {"maximize", R::FLAG}};
  rules.insert(rules.end(), more.begin(), more.end());
  return rules;
}

std::map<std::string, Rules> classes_of_torch() {
  return {
      {"SGD",
       {{"momentum", R::NOT_NEGATIVE},
        {"dampening", R::ANY},
        {"weight_decay", R::NOT_NEGATIVE},
        {"nesterov", R::FLAG},
        {"maximize", R::FLAG}}},
      {"Adam", adam({{"amsgrad", R::FLAG}})},
      {"AdamW", adam({{"amsgrad", R::FLAG}})},
      {"Adagrad",
       {{"lr_decay", R::NOT_NEGATIVE},
        {"weight_decay", R::NOT_NEGATIVE},
        {"initial_accumulator_value", R::NOT_NEGATIVE},
        {"eps", R::NOT_NEGATIVE},
        {"maximize", R::FLAG}}},
      {"SparseAdam",
       {{"beta1", R::BELOW_ONE},
        {"beta2", R::BELOW_ONE},
        {"eps", R::POSITIVE},
        {"maximize", R::FLAG}}},
      {"RMSprop",
       {{"alpha", R::NOT_NEGATIVE},
        {"eps", R::NOT_NEGATIVE},
        {"weight_decay", R::NOT_NEGATIVE},
        {"momentum", R::NOT_NEGATIVE},
        {"centered", R::FLAG},
        {"maximize", R::FLAG}}},
      {"Adamax", adam({})},
      {"NAdam", adam({{"momentum_decay", R::NOT_NEGATIVE}, {"decoupled_weight_decay", R::FLAG}})},
      {"RAdam", adam({{"decoupled_weight_decay", R::FLAG}})},
      {"Adadelta",
       {{"rho", R::UP_TO_ONE},
        {"eps", R::NOT_NEGATIVE},
        {"weight_decay", R::NOT_NEGATIVE},
        {"maximize", R::FLAG}}},
      {"ASGD",
       {{"lambd", R::ANY},
        {"alpha", R::ANY},
        {"t0", R::ANY},
        {"weight_decay", R::NOT_NEGATIVE},
        {"maximize", R::FLAG}}},
      {"Rprop",
       {{"etaminus", R::INSIDE_ONE},
        {"etaplus", R::ABOVE_ONE},
        {"step_size_min", R::ANY},
        {"step_size_max", R::ANY},
        {"maximize", R::FLAG}}},
      {"Adafactor",
       {{"beta2_decay", R::NOT_POSITIVE},
        {"eps1", R::OR_NONE},
        {"eps2", R::NOT_NEGATIVE},
        {"d", R::FROM_ONE},
        {"weight_decay", R::NOT_NEGATIVE},
        {"maximize", R::FLAG}}},
      {"Muon",
       {{"weight_decay", R::NOT_NEGATIVE},
        {"momentum", R::NOT_NEGATIVE},
        {"nesterov", R::FLAG},
        {"ns_a", R::ANY},
        {"ns_b", R::ANY},
        {"ns_c", R::ANY},
        {"eps", R::ANY},
        {"ns_steps", R::COUNT},
        {"match_rms_adamw", R::FLAG}}}};
}

}  // namespace

// In third_party_rules.cpp.
void add_third_party(std::map<std::string, Rules>& classes);

const std::vector<OptionRule>& rules_of(const std::string& class_name) {
  if (const auto* imported = rules_of_imported(class_name)) return *imported;
  static const std::map<std::string, Rules> all = [] {
    std::map<std::string, Rules> classes = classes_of_torch();
    add_third_party(classes);
    return classes;
  }();
  const auto found = all.find(class_name);
  if (found == all.end()) throw std::invalid_argument(class_name + ": no such optimizer class");
  return found->second;
}

}  // namespace optibridge::torch_bridge
