#include <ATen/core/grad_mode.h>

#include <stdexcept>

#include "torch/guard.h"
#include "torch/lbfgs.h"
#include "torch/ob_lbfgs.h"
#include "torch/threads.h"
#include "torch/views.h"

namespace tb = optibridge::torch_bridge;
using tb::guarded;

struct ob_torch_lbfgs {
  explicit ob_torch_lbfgs(const tb::LbfgsOptions& options) : algorithm(options) {}
  tb::Lbfgs algorithm;
};

namespace {

// Below, libtorch's other threads would take longer to wake than to work.
constexpr int64_t kAloneBelow = 65536;

template <class Handle>
auto& checked(Handle* lbfgs) {
  if (lbfgs == nullptr) throw std::invalid_argument("the handle is null");
  return lbfgs->algorithm;
}

bool alone(const tb::Lbfgs& algorithm) {
  return algorithm.on_cpu() && algorithm.numel() < kAloneBelow;
}

void require(bool given) {
  if (!given) throw std::invalid_argument("an argument is null");
}

// A copy in memory of the algorithm's own.
at::Tensor taken(const ob_tensor& tensor, const char* role, const at::Tensor& like) {
  const at::Tensor view = tb::view_of(tensor, role);
  if (view.dim() != 1 ||
      (like.defined() && (view.sizes() != like.sizes() || view.dtype() != like.dtype()))) {
    throw std::invalid_argument(std::string(role) +
                                " must be one-dimensional, and all tensors of a state alike");
  }
  at::Tensor copy = tb::make_flat(view.numel(), view.scalar_type(), view.device());
  copy.copy_(view);
  return copy;
}

void give(const at::Tensor& tensor, const ob_tensor& to, const char* role) {
  const at::Tensor view = tb::view_of(to, role);
  if (view.sizes() != tensor.sizes() || view.dtype() != tensor.dtype()) {
    throw std::invalid_argument(std::string(role) + " does not fit the state");
  }
  view.copy_(tensor);
}

}  // namespace

extern "C" {

ob_result ob_torch_lbfgs_create(int64_t max_iter, int64_t max_eval, double tolerance_grad,
                                double tolerance_change, int64_t history_size, int32_t strong_wolfe,
                                ob_torch_lbfgs** out) OB_NOEXCEPT {
  return guarded("torch_lbfgs_create", [&] {
    require(out != nullptr);
    if (history_size < 1) throw std::invalid_argument("history_size must be at least 1");
    tb::LbfgsOptions options;
    options.max_iter = max_iter;
    options.max_eval = max_eval;
    options.tolerance_grad = tolerance_grad;
    options.tolerance_change = tolerance_change;
    options.history_size = history_size;
    options.strong_wolfe = strong_wolfe != 0;
    *out = new ob_torch_lbfgs(options);
  });
}

void ob_torch_lbfgs_destroy(ob_torch_lbfgs* lbfgs) OB_NOEXCEPT { delete lbfgs; }

ob_result ob_torch_lbfgs_bind(ob_torch_lbfgs* lbfgs, const ob_tensor* params,
                              const ob_tensor* grads, int64_t tensors) OB_NOEXCEPT {
  return guarded("torch_lbfgs_bind", [&] {
    tb::Lbfgs& algorithm = checked(lbfgs);
    const int64_t no_slots = 0;
    tb::Binding binding = tb::make_binding(params, grads, &no_slots, 0, tensors, {}, {});
    algorithm.bind(std::move(binding.params), std::move(binding.grads));
  });
}

ob_result ob_torch_lbfgs_begin(ob_torch_lbfgs* lbfgs, double lr) OB_NOEXCEPT {
  return guarded("torch_lbfgs_begin", [&] { checked(lbfgs).begin(lr); });
}

ob_result ob_torch_lbfgs_tell(ob_torch_lbfgs* lbfgs, double loss, int32_t* again) OB_NOEXCEPT {
  return guarded("torch_lbfgs_tell", [&] {
    require(again != nullptr);
    tb::Lbfgs& algorithm = checked(lbfgs);
    const tb::ThreadScope scope(alone(algorithm));
    *again = algorithm.tell(loss) ? 1 : 0;
  });
}

ob_result ob_torch_lbfgs_abort(ob_torch_lbfgs* lbfgs, int32_t restore) OB_NOEXCEPT {
  return guarded("torch_lbfgs_abort", [&] { checked(lbfgs).abort(restore != 0); });
}

ob_result ob_torch_lbfgs_numbers(const ob_torch_lbfgs* lbfgs, double* numbers) OB_NOEXCEPT {
  return guarded("torch_lbfgs_numbers", [&] {
    require(numbers != nullptr);
    const tb::LbfgsState& state = checked(lbfgs).state();
    numbers[OB_LBFGS_FUNC_EVALS] = static_cast<double>(state.func_evals);
    numbers[OB_LBFGS_N_ITER] = static_cast<double>(state.n_iter);
    numbers[OB_LBFGS_T] = state.t;
    numbers[OB_LBFGS_H_DIAG] = state.H_diag;
    numbers[OB_LBFGS_PREV_LOSS] = state.prev_loss;
    numbers[OB_LBFGS_HISTORY] = state.d.defined() ? static_cast<double>(state.ro.size()) : -1;
  });
}

ob_result ob_torch_lbfgs_save(const ob_torch_lbfgs* lbfgs, const ob_tensor* d,
                              const ob_tensor* prev_flat_grad, const ob_tensor* old_dirs,
                              const ob_tensor* old_stps, double* ro) OB_NOEXCEPT {
  return guarded("torch_lbfgs_save", [&] {
    const at::NoGradGuard no_grad;
    const tb::LbfgsState& state = checked(lbfgs).state();
    if (!state.d.defined()) return;
    require(d != nullptr && prev_flat_grad != nullptr);
    require(state.ro.empty() || (old_dirs != nullptr && old_stps != nullptr && ro != nullptr));
    give(state.d, *d, "d");
    give(state.prev_flat_grad, *prev_flat_grad, "prev_flat_grad");
    for (size_t i = 0; i < state.ro.size(); ++i) {
      give(state.old_dirs[i], old_dirs[i], "old_dirs");
      give(state.old_stps[i], old_stps[i], "old_stps");
      ro[i] = state.ro[i];
    }
  });
}

ob_result ob_torch_lbfgs_load(ob_torch_lbfgs* lbfgs, const double* numbers, const ob_tensor* d,
                              const ob_tensor* prev_flat_grad, const ob_tensor* old_dirs,
                              const ob_tensor* old_stps, const double* ro) OB_NOEXCEPT {
  return guarded("torch_lbfgs_load", [&] {
    const at::NoGradGuard no_grad;
    tb::Lbfgs& algorithm = checked(lbfgs);
    require(numbers != nullptr);
    tb::LbfgsState state;
    state.func_evals = static_cast<int64_t>(numbers[OB_LBFGS_FUNC_EVALS]);
    state.n_iter = static_cast<int64_t>(numbers[OB_LBFGS_N_ITER]);
    state.t = numbers[OB_LBFGS_T];
    state.H_diag = numbers[OB_LBFGS_H_DIAG];
    state.prev_loss = numbers[OB_LBFGS_PREV_LOSS];
    const auto history = static_cast<int64_t>(numbers[OB_LBFGS_HISTORY]);
    if (history >= 0) {
      require(d != nullptr && prev_flat_grad != nullptr);
      require(history == 0 || (old_dirs != nullptr && old_stps != nullptr && ro != nullptr));
      state.d = taken(*d, "d", {});
      state.prev_flat_grad = taken(*prev_flat_grad, "prev_flat_grad", state.d);
    }
    for (int64_t i = 0; i < history; ++i) {
      state.old_dirs.push_back(taken(old_dirs[i], "old_dirs", state.d));
      state.old_stps.push_back(taken(old_stps[i], "old_stps", state.d));
      state.ro.push_back(ro[i]);
    }
    algorithm.set_state(std::move(state));
  });
}

}  // extern "C"
