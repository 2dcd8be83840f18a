// Steps by gradients that are rows of a larger tensor, for the optimizers that Python lets take
// such. Only these rows of the weights and of the state are read and written; the state is dense.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/units.h"
#include "torch/options.h"
#include "torch/views.h"

namespace optibridge::torch_bridge {

class RowStep {
 public:
  virtual ~RowStep() = default;

  // Why this optimizer with these options can't; null if it can.
  virtual const char* refusal() const { return nullptr; }
  virtual bool takes_dense() const { return true; }
  // To be called when somebody else may have changed the state since the last step.
  virtual void sync(const Binding&) {}
  // One step of all tensors; adds one to every "step". `units` belongs to `binding`.
  virtual void step(Binding& binding, const std::vector<Units>& units, double lr) = 0;
};

// Never null.
std::unique_ptr<RowStep> make_row_step(const Options& options);

}  // namespace optibridge::torch_bridge
