#include "torch/imported.h"

#include <deque>
#include <map>
#include <mutex>

namespace optibridge::torch_bridge {
namespace {

struct Entry {
  Imported imported;
  std::vector<OptionRule> rules;
};

// Never destroyed: plug-ins may still be in use when the process ends.
struct Registry {
  std::mutex mutex;
  std::map<std::string, Entry> entries;  // whose addresses stay
  std::deque<std::string> texts;         // here too
};

Registry& registry() {
  static auto* all = new Registry();
  return *all;
}

const Entry* find(const std::string& class_name) {
  Registry& all = registry();
  const std::lock_guard<std::mutex> lock(all.mutex);
  const auto found = all.entries.find(class_name);
  return found == all.entries.end() ? nullptr : &found->second;
}

}  // namespace

std::string register_imported(Imported imported) {
  Registry& all = registry();
  const std::lock_guard<std::mutex> lock(all.mutex);
  const std::string key = imported.name + "#" + std::to_string(all.entries.size() + 1);
  Entry& entry = all.entries[key];
  entry.imported = std::move(imported);
  for (size_t i = 0; i < entry.imported.options.size(); ++i) {
    entry.rules.push_back({entry.imported.options[i].c_str(), entry.imported.kinds[i]});
  }
  return key;
}

int64_t keep_text(std::string text) {
  Registry& all = registry();
  const std::lock_guard<std::mutex> lock(all.mutex);
  return reinterpret_cast<int64_t>(&all.texts.emplace_back(std::move(text)));
}

const std::vector<OptionRule>* rules_of_imported(const std::string& class_name) {
  const Entry* entry = find(class_name);
  return entry == nullptr ? nullptr : &entry->rules;
}

std::unique_ptr<Algorithm> make_imported(const Options& options) {
  const Entry* entry = find(options.class_name());
  return entry == nullptr ? nullptr : entry->imported.make(options);
}

}  // namespace optibridge::torch_bridge
