// C ABI of the bridge to TensorFlow: Keras's optimizers, run by TensorFlow's kernels.
#pragma once

#include "core/ob_core.h"

#ifdef __cplusplus
extern "C" {
#endif

// ---- variables -------------------------------------------------------------------------------

// Tensors in memory that TensorFlow owns and that stays where it is until `destroy`: kernels step
// it as variables, everybody else reads and writes it by address while no kernel runs.
typedef struct ob_tf_variables ob_tf_variables;

// Zeros. dtypes: ob_dtype; shapes: all extents, one tensor after the other. layout: 0 makes one
// variable of each tensor, 1 one of one dimension, 2 one of one dimension of each run of tensors of
// one dtype, each tensor at the next multiple of 64 bytes, as in one allocation of the core's.
// device: as "CPU:0", the host, or "GPU:1"; the memory of any but the host's is not used by
// address, but copied from and to the addresses by `push` and `pull`.
// addresses: where each tensor begins.
OB_EXPORT ob_result ob_tf_variables_create(int64_t tensors, const int32_t* dtypes,
                                           const int32_t* ndims, const int64_t* shapes,
                                           int32_t layout, const char* device, int64_t* addresses,
                                           ob_tf_variables** out) OB_NOEXCEPT;
OB_EXPORT void ob_tf_variables_destroy(ob_tf_variables* variables) OB_NOEXCEPT;
// To the device and back, counted as OB_COPIED_BYTES; nothing is copied on the host.
OB_EXPORT ob_result ob_tf_variables_push(ob_tf_variables* variables) OB_NOEXCEPT;
OB_EXPORT ob_result ob_tf_variables_pull(ob_tf_variables* variables) OB_NOEXCEPT;

// ---- optimizers ------------------------------------------------------------------------------

// One optimizer and what it is bound to. A handle is used by one thread at a time.
typedef struct ob_tf_optimizer ob_tf_optimizer;

// class_name: of keras.optimizers. option_names: joined by '\n', parallel to `values`; a bool is 0
// or 1. The learning rate is not among them: it comes with each step.
OB_EXPORT ob_result ob_tf_create(const char* class_name, const char* option_names,
                                 const double* values, int32_t count,
                                 ob_tf_optimizer** out) OB_NOEXCEPT;
OB_EXPORT void ob_tf_destroy(ob_tf_optimizer* optimizer) OB_NOEXCEPT;

// Makes an imported step known under a class_name, for good. name: what messages call it.
// functions: `count` messages FunctionDef, one after the other, of `sizes` bytes, with names that
// nothing else has. steps: lines "DTYPE\tRANK\tFUNCTION", DTYPE as TensorFlow numbers it: the
// function takes param, grad, step, lr, each option and each slot, and returns new values of param
// and slots. options, slots: joined by '\n'. kinds: as ob_tf_slot_kind. flags: 1 element by
// element, 2 tensors are flattened, so that rank is 1.
OB_EXPORT ob_result ob_tf_import(const char* class_name, const char* name, const void* functions,
                                 const int64_t* sizes, int32_t count, const char* steps,
                                 const char* options, const char* slots, const int32_t* kinds,
                                 const double* initials, int32_t slot_count,
                                 int32_t flags) OB_NOEXCEPT;

// The slots, joined by '\n'. The text lives as long as the handle.
OB_EXPORT const char* ob_tf_slots(const ob_tf_optimizer* optimizer) OB_NOEXCEPT;
// What every element of a slot starts with.
OB_EXPORT double ob_tf_slot_initial(const ob_tf_optimizer* optimizer, int32_t slot) OB_NOEXCEPT;
// 0: shape of the parameter. 1: without its last dimension, 2: without the one before; both without
// elements for parameters of fewer than two dimensions. 3: like 0, but no state: a kernel's
// workspace. 4: like 0, and starts as the parameter. 5: like 0 for parameters of fewer than two
// dimensions, else without elements. 6: like 0 where Muon leaves the parameter to Adam, else
// without elements. 7: of shape []. -1: no such slot.
OB_EXPORT int32_t ob_tf_slot_kind(const ob_tf_optimizer* optimizer, int32_t slot) OB_NOEXCEPT;
// 1 if each element's step depends on that element only, so that variables may be merged.
OB_EXPORT int32_t ob_tf_elementwise(const ob_tf_optimizer* optimizer) OB_NOEXCEPT;

// 1 if a row without a gradient stays as it is with all its state, so that stepping the rows that
// have one is a whole step.
OB_EXPORT int32_t ob_tf_rows_are_enough(const ob_tf_optimizer* optimizer) OB_NOEXCEPT;

// Binds variables and gradients, which live until the next bind or destroy. `slots` holds the
// addresses of ob_tf_variables made alike. positions: of the parameters that the gradients are of,
// in ascending order, if they are of some of them only and none are merged; else null.
// Gradients that do not fit merged variables are OB_INVALID; of others, those that are not aligned
// to 64 bytes, or not where the variables are, are copied at each step, which OB_COPIED_BYTES
// counts. After an error nothing is bound.
OB_EXPORT ob_result ob_tf_bind(ob_tf_optimizer* optimizer, const ob_tf_variables* params,
                               const int64_t* slots, int32_t slot_count, const ob_tensor* grads,
                               int64_t tensors, const int64_t* positions) OB_NOEXCEPT;
// One step in place. step: from 1.
OB_EXPORT ob_result ob_tf_step(ob_tf_optimizer* optimizer, double lr, int64_t step) OB_NOEXCEPT;
// One step of the rows that have a gradient, of parameters in any host memory; nothing needs to be
// bound. gradients: one for each parameter. What is gathered and written back is counted as
// OB_COPIED_BYTES. OB_UNSUPPORTED unless ob_tf_rows_are_enough; OB_INVALID, before anything is
// changed, if a row is out of range.
OB_EXPORT ob_result ob_tf_step_rows(ob_tf_optimizer* optimizer, const ob_tensor* params,
                                    const int64_t* slots, int32_t slot_count,
                                    const ob_rows* gradients, int64_t tensors, double lr,
                                    int64_t step) OB_NOEXCEPT;

// ---- TensorFlow ------------------------------------------------------------------------------

OB_EXPORT const char* ob_tf_version(void) OB_NOEXCEPT;
// Threads within an operation and across operations, for the whole process; to be called before
// anything else here. OB_UNSUPPORTED afterwards, unless nothing changes.
OB_EXPORT ob_result ob_tf_set_threads(int32_t intra_op, int32_t inter_op) OB_NOEXCEPT;
// Logical devices that the processor counts as; likewise.
OB_EXPORT ob_result ob_tf_set_cpus(int32_t cpus) OB_NOEXCEPT;
// OB_UNSUPPORTED, with the names of those there are, if TensorFlow has no device of that name.
OB_EXPORT ob_result ob_tf_find_device(const char* name) OB_NOEXCEPT;
// Raises one kind of C++ exception behind the guard. Exists for tests of the error path.
// kind: as ob_raise_for_test, and 5: an operation that TensorFlow refuses.
OB_EXPORT ob_result ob_tf_raise_for_test(int32_t kind) OB_NOEXCEPT;

// ---- the yardstick of benchmarks -------------------------------------------------------------

// ResourceApplyAdam on one float32 variable for each tensor, as a C++ program would call it, with
// betas 0.9 and 0.999 and epsilon 1e-7. Gradients are aligned to 64 bytes and outlive it; weights
// are copied from `params`, and `addresses` tells where to.
typedef struct ob_tf_bench ob_tf_bench;
OB_EXPORT ob_result ob_tf_bench_create(const ob_tensor* params, const ob_tensor* grads,
                                       int64_t tensors, int64_t* addresses,
                                       ob_tf_bench** out) OB_NOEXCEPT;
OB_EXPORT ob_result ob_tf_bench_step(ob_tf_bench* bench, double lr) OB_NOEXCEPT;
OB_EXPORT void ob_tf_bench_destroy(ob_tf_bench* bench) OB_NOEXCEPT;

#ifdef __cplusplus
}
#endif
