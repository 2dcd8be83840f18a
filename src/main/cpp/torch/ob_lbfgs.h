// C ABI of L-BFGS. It evaluates the loss several times within a step, so a step is a dialogue:
//   ob_torch_lbfgs_begin, then evaluate and ob_torch_lbfgs_tell for as long as `again` is set.
// Nothing here calls back; a caller that can't evaluate gives up with ob_torch_lbfgs_abort.
#pragma once

#include "core/ob_core.h"

#ifdef __cplusplus
extern "C" {
#endif

// Used by one thread at a time.
typedef struct ob_torch_lbfgs ob_torch_lbfgs;

// Options as in Python, max_eval resolved; history_size is at least 1.
OB_EXPORT ob_result ob_torch_lbfgs_create(int64_t max_iter, int64_t max_eval, double tolerance_grad,
                                          double tolerance_change, int64_t history_size,
                                          int32_t strong_wolfe, ob_torch_lbfgs** out) OB_NOEXCEPT;
OB_EXPORT void ob_torch_lbfgs_destroy(ob_torch_lbfgs* lbfgs) OB_NOEXCEPT;

// Binds memory that the caller keeps alive until the next bind, load or destroy: weights and
// gradients, arrays of `tensors` tensors that agree in shape and dtype. Not within a step.
OB_EXPORT ob_result ob_torch_lbfgs_bind(ob_torch_lbfgs* lbfgs, const ob_tensor* params,
                                        const ob_tensor* grads, int64_t tensors) OB_NOEXCEPT;

OB_EXPORT ob_result ob_torch_lbfgs_begin(ob_torch_lbfgs* lbfgs, double lr) OB_NOEXCEPT;
// The loss at the weights; the bound gradients are those at the weights too. Either moves the
// weights and sets *again, or ends the step. After an error the step is undone and over.
OB_EXPORT ob_result ob_torch_lbfgs_tell(ob_torch_lbfgs* lbfgs, double loss,
                                        int32_t* again) OB_NOEXCEPT;
// Gives the step up: the state is as before it, and so are the weights if `restore`, which the
// caller unsets if their memory is gone. Without a step, nothing happens.
OB_EXPORT ob_result ob_torch_lbfgs_abort(ob_torch_lbfgs* lbfgs, int32_t restore) OB_NOEXCEPT;

// The numbers of a state, in this order. `history` is the length of old_dirs, old_stps and ro; -1
// before the first direction, when there is no tensor at all.
enum ob_lbfgs_number {
  OB_LBFGS_FUNC_EVALS = 0,
  OB_LBFGS_N_ITER = 1,
  OB_LBFGS_T = 2,
  OB_LBFGS_H_DIAG = 3,
  OB_LBFGS_PREV_LOSS = 4,
  OB_LBFGS_HISTORY = 5,
  OB_LBFGS_NUMBERS = 6
};
OB_EXPORT ob_result ob_torch_lbfgs_numbers(const ob_torch_lbfgs* lbfgs,
                                           double* numbers) OB_NOEXCEPT;
// Copies the tensors of a state: `d` and `prev_flat_grad` are one tensor each, `old_dirs` and
// `old_stps` one for each entry of the history, all of one dimension that holds all weights;
// `ro` has one number for each.
OB_EXPORT ob_result ob_torch_lbfgs_save(const ob_torch_lbfgs* lbfgs, const ob_tensor* d,
                                        const ob_tensor* prev_flat_grad, const ob_tensor* old_dirs,
                                        const ob_tensor* old_stps, double* ro) OB_NOEXCEPT;
// The reverse; what was bound is forgotten. After an error the former state is still there.
OB_EXPORT ob_result ob_torch_lbfgs_load(ob_torch_lbfgs* lbfgs, const double* numbers,
                                        const ob_tensor* d, const ob_tensor* prev_flat_grad,
                                        const ob_tensor* old_dirs, const ob_tensor* old_stps,
                                        const double* ro) OB_NOEXCEPT;

#ifdef __cplusplus
}
#endif
