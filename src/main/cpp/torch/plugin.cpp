// Plug-in libraries: they are opened, asked what they have, and stay open.
#include <dlfcn.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <sstream>

#include "core/guard.h"
#include "torch/guard.h"
#include "torch/imported.h"
#include "torch/ob_torch.h"
#include "torch/plugin/optibridge_plugin.h"

namespace optibridge::torch_bridge {
namespace {

using Table = optibridge_plugin_optimizer;
using Error = optibridge_plugin_error;

constexpr int32_t kMostEntries = 256;

[[noreturn]] void raise(Error& error, const std::string& where) {
  error.text[sizeof error.text - 1] = '\0';
  const std::string text = where + ": " + error.text;
  switch (error.code) {
    case 1:
      throw std::invalid_argument(text);
    case 2:
      throw std::bad_alloc();
    default:
      throw std::runtime_error(text);
  }
}

class PluginAlgorithm final : public Algorithm {
 public:
  PluginAlgorithm(const Table& table, const Options& options) : table_(table) {
    std::vector<double> values;
    for (int32_t i = 0; i < table.option_count; ++i) {
      values.push_back(options.get(table.options[i].name));
    }
    Error error{};
    optimizer_ = table.create(table.self, values.data(), &error);
    if (optimizer_ == nullptr) raise(error, table.name);
    slots_.push_back(step_slot());
    for (int32_t i = 0; i < table.state_count; ++i) {
      const auto& state = table.states[i];
      slots_.emplace_back(state.name, state.kind == 0 ? SlotSpec::LIKE : SlotSpec::SCALAR,
                          state.initial);
      mergeable_ = mergeable_ && state.kind == 0;
    }
    mergeable_ = mergeable_ && table.element_wise != 0;
  }
  ~PluginAlgorithm() override { table_.destroy(optimizer_); }

  std::vector<SlotSpec> slots() const override { return slots_; }

  void bind(Binding binding) override {
    Binding runs = runs_of(binding);
    give(runs);
    binding_ = std::move(binding);
    runs_ = std::move(runs);
    stale_ = false;
  }

  void sync() override {
    stale_ = true;  // should what follows throw
    runs_ = runs_of(binding_);
    give(runs_);
    stale_ = false;
  }

  void step(double lr) override {
    if (stale_) sync();
    Error error{};
    if (table_.step(optimizer_, lr, &error) == 0) {
      stale_ = true;  // its counts may have gone ahead
      raise(error, table_.name);
    }
    count_step(binding_);
  }

  int64_t largest() const override { return runs_.largest; }

 private:
  Binding runs_of(const Binding& binding) const { return mergeable_ ? merged(binding) : binding; }

  void give(const Binding& runs) {
    std::vector<at::Tensor> states;
    for (size_t s = 1; s < runs.slots.size(); ++s) {
      states.insert(states.end(), runs.slots[s].begin(), runs.slots[s].end());
    }
    Error error{};
    if (table_.bind(optimizer_, static_cast<int64_t>(runs.size()), runs.params.data(),
                    runs.grads.data(), runs.slots[0].data(), states.data(), &error) == 0) {
      raise(error, table_.name);
    }
  }

  const Table& table_;
  void* optimizer_;
  std::vector<SlotSpec> slots_;
  Binding runs_;
  bool mergeable_ = true;
  bool stale_ = false;
};

void require(bool good, const std::string& fault) {
  if (!good) throw std::invalid_argument("the plug-in " + fault);
}

void require_name(const char* name, const char* of) {
  const bool good =
      name != nullptr && std::strlen(name) <= 64 && name[0] != '\0' &&
      std::strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") ==
          std::strlen(name) &&
      (name[0] < '0' || name[0] > '9');
  require(good, std::string("gives ") + of +
                    " a name that is no identifier of at most 64 ASCII letters, digits and '_'");
}

// Checks one optimizer's table and describes it: lines of fields, see ob_torch_import_text.
void describe(const Table& table, std::ostringstream& out) {
  require_name(table.name, "an optimizer");
  const std::string name = table.name;
  require(table.create != nullptr && table.destroy != nullptr && table.bind != nullptr &&
              table.step != nullptr && table.option_count >= 0 &&
              table.option_count <= kMostEntries && table.state_count >= 0 &&
              table.state_count <= kMostEntries,
          "has an incomplete table for " + name);
  require(std::isfinite(table.learning_rate) && table.learning_rate >= 0,
          "gives " + name + " a default learning rate that is not a finite number >= 0");
  Imported imported{name, {}, {}, nullptr};
  std::vector<std::string> names = {"step", "lr", "fused"};
  const auto unique = [&](const char* one) {
    require(std::find(names.begin(), names.end(), one) == names.end(),
            "names '" + std::string(one) + "' twice in " + name +
                ", or what optibridge keeps for itself");
    names.emplace_back(one);
  };
  std::ostringstream lines;
  lines.precision(17);
  for (int32_t i = 0; i < table.option_count; ++i) {
    const auto& option = table.options[i];
    require_name(option.name, "an option");
    unique(option.name);
    require(option.kind >= 0 && option.kind <= 2 && std::isfinite(option.by_default),
            "describes option '" + std::string(option.name) + "' of " + name + " wrongly");
    imported.options.emplace_back(option.name);
    imported.kinds.push_back(option.kind == 2 ? OptionRule::FLAG : OptionRule::ANY);
    lines << "option\t" << option.name << '\t' << option.kind << '\t' << option.by_default << '\t'
          << option.least << '\t' << option.greatest << '\t' << option.open << '\n';
  }
  for (int32_t i = 0; i < table.state_count; ++i) {
    require_name(table.states[i].name, "a state");
    unique(table.states[i].name);
    require((table.states[i].kind == 0 || table.states[i].kind == 1) &&
                std::isfinite(table.states[i].initial),
            "describes state '" + std::string(table.states[i].name) + "' of " + name + " wrongly");
  }
  imported.make = [&table](const Options& options) {
    return std::make_unique<PluginAlgorithm>(table, options);
  };
  out.precision(17);
  out << "optimizer\t" << register_imported(std::move(imported)) << '\t' << name << '\t'
      << table.learning_rate << '\t' << table.reads_weights << '\n'
      << lines.str();
}

// Closes a library again unless it turns out to be one to keep.
class Library {
 public:
  explicit Library(const char* path) {
    // Now, so that a symbol that this libtorch lacks is an error here and not a crash later.
    handle_ = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (handle_ == nullptr) {
      const char* why = dlerror();
      throw std::invalid_argument(
          "the plug-in can't be loaded (" + std::string(why == nullptr ? "?" : why) +
          "); it must be built for libtorch " TORCH_VERSION " and this platform");
    }
  }
  ~Library() {
    if (handle_ != nullptr) dlclose(handle_);
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  void* find(const char* symbol) { return dlsym(handle_, symbol); }
  void keep() { handle_ = nullptr; }

 private:
  void* handle_;
};

std::string open_plugin(const char* path) {
  Library library(path);
  using Entry = const optibridge_plugin* (*)(Error*);
  const auto entry = reinterpret_cast<Entry>(library.find("optibridge_plugin_entry"));
  require(entry != nullptr,
          "lacks the function optibridge_plugin_entry, which OPTIBRIDGE_PLUGIN of"
          " optibridge_plugin.h defines");
  Error error{};
  const optibridge_plugin* plugin = entry(&error);
  if (plugin == nullptr) raise(error, "the plug-in's description");
  require(plugin->abi == OPTIBRIDGE_PLUGIN_ABI,
          "has version " + std::to_string(plugin->abi) +
              " of optibridge's plug-in interface, this optibridge has version " +
              std::to_string(OPTIBRIDGE_PLUGIN_ABI) +
              ": build it again with this optibridge's optibridge_plugin.h");
  const std::string version = plugin->torch_version == nullptr ? "?" : plugin->torch_version;
  require(version == TORCH_VERSION, "was built for libtorch " + version +
                                        ", this is libtorch " TORCH_VERSION
                                        ": build it again with the headers of " TORCH_VERSION);
  require(plugin->cxx11_abi == OPTIBRIDGE_PLUGIN_CXX11_ABI,
          "was built with _GLIBCXX_USE_CXX11_ABI=" + std::to_string(plugin->cxx11_abi) +
              ": build it with " + std::to_string(OPTIBRIDGE_PLUGIN_CXX11_ABI));
  require(plugin->optimizers != nullptr && plugin->optimizer_count >= 1 &&
              plugin->optimizer_count <= kMostEntries,
          "has no optimizer");
  library.keep();  // what is registered now refers to it
  std::ostringstream text;
  for (int64_t i = 0; i < plugin->optimizer_count; ++i) describe(plugin->optimizers[i], text);
  return text.str();
}

}  // namespace
}  // namespace optibridge::torch_bridge

extern "C" {

ob_result ob_torch_open_plugin(const char* path, int64_t* out) OB_NOEXCEPT {
  return optibridge::torch_bridge::guarded("torch_open_plugin", [&] {
    if (path == nullptr || out == nullptr) throw std::invalid_argument("an argument is null");
    *out = optibridge::torch_bridge::keep_text(optibridge::torch_bridge::open_plugin(path));
  });
}

const char* ob_torch_import_text(int64_t import) OB_NOEXCEPT {
  return import == 0 ? "" : reinterpret_cast<const std::string*>(import)->c_str();
}

}  // extern "C"
