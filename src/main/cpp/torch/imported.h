// Optimizers that come from elsewhere: plug-in libraries and exported programs. Whoever opens one
// has decided that it may run; nothing here asks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "torch/algorithm.h"
#include "torch/options.h"

namespace optibridge::torch_bridge {

// How to make one of them. Once registered it stays as it is until the process ends, as the code
// behind it does.
struct Imported {
  std::string name;
  std::vector<std::string> options;
  std::vector<OptionRule::Kind> kinds;  // parallel to options
  std::function<std::unique_ptr<Algorithm>(const Options&)> make;
};

// Registers it and returns its class name, for rules_of and make_algorithm: the name and a number,
// "Lion#1".
std::string register_imported(Imported imported);

// Keeps a text until the process ends; its address.
int64_t keep_text(std::string text);

// Null if the class name is not of that kind.
const std::vector<OptionRule>* rules_of_imported(const std::string& class_name);
std::unique_ptr<Algorithm> make_imported(const Options& options);

}  // namespace optibridge::torch_bridge
