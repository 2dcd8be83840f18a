#include <stdexcept>
#include <string>

#include "torch/guard.h"
#include "torch/ob_torch.h"
#include "torch/program.h"

namespace optibridge::torch_bridge {
namespace {

std::string text(const char* value) { return value == nullptr ? "" : value; }

ProgramSpec spec_of(const char* name, const char* options, const char* states, const int32_t* kinds,
                    const double* initial, int32_t count, int32_t flags) {
  ProgramSpec spec;
  spec.name = text(name);
  spec.options = split(options);
  const std::vector<std::string> names = split(states);
  if (count < 0 || names.size() != static_cast<size_t>(count) ||
      (count > 0 && (kinds == nullptr || initial == nullptr))) {
    throw std::invalid_argument("the states are incomplete");
  }
  spec.slots.push_back(step_slot());
  for (int32_t i = 0; i < count; ++i) {
    spec.slots.emplace_back(names[i].c_str(), kinds[i] == 0 ? SlotSpec::LIKE : SlotSpec::SCALAR,
                            initial[i]);
  }
  spec.element_wise = (flags & OB_PROGRAM_ELEMENT_WISE) != 0;
  spec.in_place = (flags & OB_PROGRAM_IN_PLACE) != 0;
  spec.flat = spec.element_wise || (flags & OB_PROGRAM_FLAT) != 0;
  return spec;
}

}  // namespace
}  // namespace optibridge::torch_bridge

namespace tb = optibridge::torch_bridge;

extern "C" {

ob_result ob_torch_open_program(int32_t kind, const char* path, const char* float64_path,
                                const char* name, const char* options, const int32_t* option_kinds,
                                int32_t option_count, const char* states, const int32_t* kinds,
                                const double* initial, int32_t state_count, int32_t flags,
                                int64_t* out) OB_NOEXCEPT {
  return tb::guarded("torch_open_program", [&] {
    if (path == nullptr || out == nullptr) throw std::invalid_argument("an argument is null");
    const tb::ProgramSpec spec =
        tb::spec_of(name, options, states, kinds, initial, state_count, flags);
    tb::Imported imported{spec.name, spec.options, {}, nullptr};
    if (option_count < 0 || spec.options.size() != static_cast<size_t>(option_count) ||
        (option_count > 0 && option_kinds == nullptr)) {
      throw std::invalid_argument("the options are incomplete");
    }
    for (int32_t i = 0; i < option_count; ++i) {
      imported.kinds.push_back(option_kinds[i] == 2 ? tb::OptionRule::FLAG : tb::OptionRule::ANY);
    }
    std::shared_ptr<const tb::Program> program =
        kind == OB_PROGRAM_SCRIPT ? tb::load_script(path, spec)
                                  : tb::load_compiled(path, tb::text(float64_path), spec);
    imported.make = [program, spec](const tb::Options& values) {
      return tb::make_program(program, spec, values);
    };
    *out = tb::keep_text(tb::register_imported(std::move(imported)));
  });
}

}  // extern "C"
