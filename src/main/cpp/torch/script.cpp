// Programs as TorchScript archives.
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/serialization/import.h>

#include <stdexcept>

#include "core/guard.h"
#include "torch/program.h"

namespace optibridge::torch_bridge {
namespace {

[[noreturn]] void refuse(const std::string& text) {
  throw std::invalid_argument("the TorchScript archive " + text);
}

bool is_tensor(const c10::TypePtr& type) { return type->kind() == c10::TypeKind::TensorType; }

std::string expected(const ProgramSpec& spec) {
  std::string text = "forward(";
  for (const std::string& name : spec.inputs()) {
    text += (text.back() == '(' ? "" : ", ") + name + ": Tensor";
  }
  text += ") -> ";
  if (spec.in_place) return text + "None";
  if (spec.states() == 0) return text + "Tensor";
  text += "(Tensor";
  for (size_t s = 0; s < spec.states(); ++s) text += ", Tensor";
  return text + ")";
}

bool returns_well(const c10::FunctionSchema& schema, const ProgramSpec& spec) {
  if (schema.returns().size() != 1) return false;
  const c10::TypePtr type = schema.returns()[0].type();
  const auto tuple = type->cast<c10::TupleType>();
  if (spec.in_place) {
    return type->kind() == c10::TypeKind::NoneType ||
           (tuple != nullptr && tuple->elements().empty());
  }
  if (tuple == nullptr) return spec.states() == 0 && is_tensor(type);
  const auto elements = tuple->elements();
  return elements.size() == 1 + spec.states() &&
         std::all_of(elements.begin(), elements.end(), is_tensor);
}

void check(const torch::jit::Module& module, const c10::FunctionSchema& schema,
           const ProgramSpec& spec) {
  const std::vector<std::string> names = spec.inputs();
  const auto& arguments = schema.arguments();
  bool good = arguments.size() == names.size() + 1 && !schema.is_vararg();
  for (size_t i = 0; good && i < names.size(); ++i) {
    good = arguments[i + 1].name() == names[i] && is_tensor(arguments[i + 1].type());
  }
  if (!good || !returns_well(schema, spec)) {
    std::ostringstream has;
    has << schema;
    refuse("must have the method " + expected(spec) +
           ", by what its optibridge.json says, but has " + has.str());
  }
  for (const auto& attribute : module.named_attributes()) {
    if (attribute.name == "training" || attribute.name == "_is_full_backward_hook") continue;
    refuse("keeps '" + attribute.name +
           "' in itself: whatever changes or is used must be a state, an option or a constant");
  }
}

class Script final : public Program {
 public:
  Script(const char* path, const ProgramSpec& spec) : name_(spec.name) {
    try {
      torch::jit::ExtraFilesMap none;
      module_ = torch::jit::load(path, at::kCPU, none, /*load_debug_files=*/false);
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const c10::Error& e) {
      refuse("can't be read: " + std::string(e.what_without_backtrace()));
    } catch (const std::exception& e) {
      refuse("can't be read: " + std::string(e.what()));
    }
    const auto method = module_.find_method("forward");
    if (!method) refuse("has no method forward; it needs " + expected(spec));
    check(module_, method->function().getSchema(), spec);
    function_ = &method->function();
  }

  std::vector<at::Tensor> run(const std::vector<at::Tensor>& inputs) const override {
    // Run as it is written: there is nothing to gain from profiling shapes that all differ.
    const torch::jit::GraphOptimizerEnabledGuard as_written(false);
    torch::jit::Stack stack;
    stack.reserve(inputs.size() + 1);
    stack.emplace_back(module_._ivalue());
    for (const at::Tensor& input : inputs) stack.emplace_back(input);
    const c10::IValue result = (*function_)(std::move(stack));
    std::vector<at::Tensor> tensors;
    if (result.isTensor()) {
      tensors.push_back(result.toTensor());
    } else if (result.isTuple()) {
      for (const c10::IValue& one : result.toTupleRef().elements())
        tensors.push_back(one.toTensor());
    }
    return tensors;
  }

  void require(const at::Tensor&) const override {}
  bool prefers_pieces() const override { return true; }

 private:
  const std::string name_;
  torch::jit::Module module_;
  torch::jit::Function* function_ = nullptr;
};

}  // namespace

std::unique_ptr<Program> load_script(const char* path, const ProgramSpec& spec) {
  return std::make_unique<Script>(path, spec);
}

}  // namespace optibridge::torch_bridge
