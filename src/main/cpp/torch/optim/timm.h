// What the classes of timm.optim share.
#pragma once

#include <cmath>
#include <stdexcept>

#include "torch/optim/caution.h"
#include "torch/optim/parts.h"

namespace optibridge::torch_bridge::optim::timm {

// The rate of a decoupled decay: lr, or lr^2 / max_lr with corrected_weight_decay (Defazio, "Why
// Gradients Rapidly Increase Near the End of Training", 2025). In Python max_lr is the rate the
// optimizer is made with; here it is an option, NaN for the rate of the first step, which the state
// keeps.
template <class Options, class State>
double decay_rate(const Options& options, State& state) {
  if (!options.corrected_weight_decay) return options.lr;
  double most = options.max_lr_snapshot;
  if (std::isnan(most)) {
    const double kept = scalar_of(state.max_lr);
    most = kept > 0 ? kept : options.lr;
  }
  if (!(most > 0)) {
    throw std::invalid_argument(
        "corrected_weight_decay needs a highest learning rate above 0: give 'max_lr_snapshot'");
  }
  set_scalar(state.max_lr, most);
  return options.lr * options.lr / most;
}

// x where it is at most `limit`; NaN stays.
inline double at_most(double x, double limit) { return x > limit ? limit : x; }

}  // namespace optibridge::torch_bridge::optim::timm
