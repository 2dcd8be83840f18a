// Programs compiled by AOTInductor: one shared library for each dtype. They are opened by path;
// torch's own package loader would unpack the archive to where others may look, and would compile
// sources that it finds there.
#include <ATen/DynamicLibrary.h>
#include <torch/csrc/inductor/aoti_runner/model_container_runner_cpu.h>

#include <algorithm>
#include <stdexcept>
#include <thread>

#include "core/guard.h"
#include "torch/program.h"

namespace optibridge::torch_bridge {
namespace {

[[noreturn]] void refuse(const std::string& text) {
  throw std::invalid_argument("the compiled program " + text);
}

// As many copies of the model as threads may want to run it at once; it has no weights to copy.
size_t models() { return std::max(1u, std::thread::hardware_concurrency()); }

class Runner final : public torch::inductor::AOTIModelContainerRunnerCpu {
 public:
  Runner(const std::string& path, const ProgramSpec& spec)
      : AOTIModelContainerRunnerCpu(path, models()) {
    const size_t inputs = count("AOTInductorModelContainerGetNumInputs");
    const size_t outputs = count("AOTInductorModelContainerGetNumOutputs");
    const size_t constants = count("AOTInductorModelContainerGetNumConstants");
    const size_t wanted = spec.inputs().size(), returned = spec.in_place ? 0 : 1 + spec.states();
    if (inputs != wanted || outputs != returned) {
      std::string names;
      for (const std::string& name : spec.inputs()) names += (names.empty() ? "" : ", ") + name;
      refuse("must take " + std::to_string(wanted) + " tensors (" + names + ") and return " +
             std::to_string(returned) + ", by what its optibridge.json says, but takes " +
             std::to_string(inputs) + " and returns " + std::to_string(outputs));
    }
    if (constants != 0) {
      refuse("keeps tensors in itself: whatever changes or is used must be a state or an option");
    }
  }

 private:
  size_t count(const char* symbol) {
    using Function = AOTIRuntimeError (*)(AOTInductorModelContainerHandle, size_t*);
    const auto function = reinterpret_cast<Function>(model_so_->sym(symbol));
    size_t result = 0;
    if (function(container_handle_, &result) != 0) refuse(std::string("fails at ") + symbol);
    return result;
  }
};

std::unique_ptr<Runner> open(const std::string& path, const ProgramSpec& spec) {
  if (path.empty()) return nullptr;
  try {
    return std::make_unique<Runner>(path, spec);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::invalid_argument&) {
    throw;
  } catch (const c10::Error& e) {
    refuse("can't be loaded: " + std::string(e.what_without_backtrace()));
  } catch (const std::exception& e) {
    refuse("can't be loaded: " + std::string(e.what()));
  }
}

class Compiled final : public Program {
 public:
  Compiled(const std::string& float32_path, const std::string& float64_path,
           const ProgramSpec& spec)
      : name_(spec.name), float32_(open(float32_path, spec)), float64_(open(float64_path, spec)) {}

  std::vector<at::Tensor> run(const std::vector<at::Tensor>& inputs) const override {
    return of(inputs[0])->run(inputs);
  }

  void require(const at::Tensor& param) const override {
    if (!param.is_cpu()) {
      throw Unsupported("the compiled program " + name_ +
                        " is for the CPU, the parameters are on " + param.device().str());
    }
    if (of(param) == nullptr) {
      throw Unsupported("the compiled program " + name_ + " was exported without " +
                        (param.scalar_type() == at::kFloat ? "float32" : "float64"));
    }
  }

  bool prefers_pieces() const override { return false; }

 private:
  Runner* of(const at::Tensor& param) const {
    return param.scalar_type() == at::kFloat ? float32_.get() : float64_.get();
  }

  const std::string name_;
  const std::unique_ptr<Runner> float32_;
  const std::unique_ptr<Runner> float64_;
};

}  // namespace

std::unique_ptr<Program> load_compiled(const std::string& float32_path,
                                       const std::string& float64_path, const ProgramSpec& spec) {
  return std::make_unique<Compiled>(float32_path, float64_path, spec);
}

}  // namespace optibridge::torch_bridge
