// Steps that were exported as programs: tensors in, new values out.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "torch/algorithm.h"
#include "torch/imported.h"

namespace optibridge::torch_bridge {

// What the archive says of its program. The program is called with
//   param, grad: tensors of one dtype; of one dimension if `flat`, else of the parameter's shape,
//   [1] for [] step, lr, then each option: float64 tensors of shape []; step counts from 1 then
//   each state: like param, or a float32 tensor of shape []
// and returns (param, states...), or nothing if it writes to them in place.
struct ProgramSpec {
  std::string name;
  std::vector<std::string> options;
  std::vector<SlotSpec> slots;  // "step" first
  bool element_wise = false;    // no element depends on another; implies flat
  bool in_place = false;
  bool flat = false;

  size_t states() const { return slots.size() - 1; }
  std::vector<std::string> inputs() const;  // their names
};

// A loaded program; may be run by several threads at once.
class Program {
 public:
  virtual ~Program() = default;
  virtual std::vector<at::Tensor> run(const std::vector<at::Tensor>& inputs) const = 0;
  // Throws std::invalid_argument or Unsupported if it can't step such a parameter.
  virtual void require(const at::Tensor& param) const = 0;
  // Whether its operations are loops over memory of their own, so that large tensors are better
  // handed over in pieces.
  virtual bool prefers_pieces() const = 0;
};

std::unique_ptr<Program> load_script(const char* path, const ProgramSpec& spec);
// Compiled programs for float32 and float64; either path may be empty.
std::unique_ptr<Program> load_compiled(const std::string& float32_path,
                                       const std::string& float64_path, const ProgramSpec& spec);

std::unique_ptr<Algorithm> make_program(std::shared_ptr<const Program> program,
                                        const ProgramSpec& spec, const Options& options);

}  // namespace optibridge::torch_bridge
