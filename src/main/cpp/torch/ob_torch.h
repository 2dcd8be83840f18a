// C ABI of the bridge to libtorch: its optimizers on memory that the caller owns.
#pragma once

#include "core/ob_core.h"

#ifdef __cplusplus
extern "C" {
#endif

// ---- optimizers ------------------------------------------------------------------------------

// One optimizer and the memory it is bound to. A handle is used by one thread at a time.
typedef struct ob_torch_optimizer ob_torch_optimizer;

// class_name: an optimizer of Python's torch.optim, see option_rules.cpp.
//   Those of other packages have their name in front: timm.optim.Lamb.
// fused: 1 runs PyTorch's fused kernel, which SGD, Adam, AdamW and Adagrad have; 0 the step of
//   torch::optim's own class, or of the class in torch/optim for those that torch::optim lacks.
// option_names: joined by '\n', parallel to `values`; a bool is 0 or 1. Every option of the class
//   must be given exactly once; option_rules.cpp lists them. The learning rate is not among them:
//   it comes with each step.
OB_EXPORT ob_result ob_torch_create(const char* class_name, int32_t fused, const char* option_names,
                                    const double* values, int32_t count,
                                    ob_torch_optimizer** out) OB_NOEXCEPT;
OB_EXPORT void ob_torch_destroy(ob_torch_optimizer* optimizer) OB_NOEXCEPT;

// One optimizer of several of one class, for groups of tensors with options of their own. It owns
// them from now on; until it is destroyed they can be asked about their slots, by which the tensors
// of their group go. Its own slots are all that any of them has. rates: what each group multiplies
// the learning rate by.
OB_EXPORT ob_result ob_torch_join(ob_torch_optimizer* const* groups, const double* rates,
                                  int32_t count, ob_torch_optimizer** out) OB_NOEXCEPT;
// The group of each tensor that there is, for the next bind.
OB_EXPORT ob_result ob_torch_assign_groups(ob_torch_optimizer* optimizer, const int32_t* groups,
                                           int64_t tensors) OB_NOEXCEPT;
// Changes options: the optimizer goes on as `from`, a new one of as many groups, which gets what it
// was and is good for nothing but to be destroyed. What is bound stays bound if the slots of each
// group are the same ones; else the next call must be a bind.
OB_EXPORT ob_result ob_torch_take(ob_torch_optimizer* optimizer,
                                  ob_torch_optimizer* from) OB_NOEXCEPT;

// The state slots this configuration needs, joined by '\n'; "step" comes first. The text lives as
// long as the handle.
OB_EXPORT const char* ob_torch_slots(const ob_torch_optimizer* optimizer) OB_NOEXCEPT;
// The value that every element of a slot starts with; the caller fills the slot. What depends on
// the learning rate is set by the first step of a tensor, whose "step" is 0.
OB_EXPORT double ob_torch_slot_initial(const ob_torch_optimizer* optimizer,
                                       int32_t slot) OB_NOEXCEPT;
// 0: shape and dtype of the parameter. 1: a float32 scalar for each tensor, on its device, as
// "step" is. 2: the parameter's dtype, and a shape that ob_torch_slot_shape tells. 3: a
// float64 scalar. -1: no such slot.
OB_EXPORT int32_t ob_torch_slot_kind(const ob_torch_optimizer* optimizer, int32_t slot) OB_NOEXCEPT;
// The shape of a slot of kind 2 for the parameter of that name and shape: out[0] is the number of
// dimensions, the extents follow. `out` has room for ndim + 2 numbers. {0}: it has no such slot.
// OB_INVALID if the optimizer can't step such a parameter.
OB_EXPORT ob_result ob_torch_slot_shape(const ob_torch_optimizer* optimizer, int32_t slot,
                                        const char* name, const int64_t* param, int32_t ndim,
                                        int64_t* out) OB_NOEXCEPT;

// Binds memory that the caller keeps alive until the next bind or destroy. `params`, `grads` and
// each entry of `slots` (the address of an array of ob_tensor) have `tensors` elements. The slots
// are the optimizer's state: to export or restore it is to copy them. After an error the former
// binding is still in place.
OB_EXPORT ob_result ob_torch_bind(ob_torch_optimizer* optimizer, const ob_tensor* params,
                                  const ob_tensor* grads, const int64_t* slots, int32_t slot_count,
                                  int64_t tensors) OB_NOEXCEPT;
// The same for `count` of the tensors, whose parameters and gradients are given; which: their
// positions among all that have slots, rising, or null for all. The others are left alone.
// A tensor's entry in a slot that its group does not have is not looked at.
OB_EXPORT ob_result ob_torch_bind_some(ob_torch_optimizer* optimizer, const ob_tensor* params,
                                       const ob_tensor* grads, int64_t count, const int64_t* which,
                                       const int64_t* slots, int32_t slot_count,
                                       int64_t tensors) OB_NOEXCEPT;
// To be called after the caller changed what the slots contain.
OB_EXPORT ob_result ob_torch_sync(ob_torch_optimizer* optimizer) OB_NOEXCEPT;
// One step in place; adds one to every "step".
OB_EXPORT ob_result ob_torch_step(ob_torch_optimizer* optimizer, double lr) OB_NOEXCEPT;
// The same step as a chain of libtorch's operators on whole tensors, where ob_torch_step goes
// through them in parts; with a fused kernel, the same as ob_torch_step.
OB_EXPORT ob_result ob_torch_step_whole(ob_torch_optimizer* optimizer, double lr) OB_NOEXCEPT;

// Schedule-free optimizers step other weights than those to evaluate. 1 for these.
OB_EXPORT int32_t ob_torch_has_eval_weights(const ob_torch_optimizer* optimizer) OB_NOEXCEPT;
// Turns the bound weights in place into those to evaluate (to_eval: 1), or back into those to train
// (0). It is for the caller to do this in turn and to step only the latter.
OB_EXPORT ob_result ob_torch_move_weights(ob_torch_optimizer* optimizer,
                                          int32_t to_eval) OB_NOEXCEPT;

// Whether an optimizer can step any stretch of elements on the host, as an instruction of a sweep.
OB_EXPORT int32_t ob_torch_has_blocks(const ob_torch_optimizer* optimizer) OB_NOEXCEPT;
// A step in stretches, as an instruction of a sweep: between begin and end every element is stepped
// once by ob_torch_step_block, an ob_call whose context is the optimizer. Of what is bound only the
// slots matter. OB_UNSUPPORTED if it has no blocks.
OB_EXPORT ob_result ob_torch_begin_blocks(ob_torch_optimizer* optimizer, double lr) OB_NOEXCEPT;
OB_EXPORT ob_result ob_torch_step_block(void* optimizer, int64_t tensor, int64_t offset, int64_t n,
                                        const void* gradient, void* param) OB_NOEXCEPT;
OB_EXPORT ob_result ob_torch_end_blocks(ob_torch_optimizer* optimizer) OB_NOEXCEPT;
// The address of ob_torch_step_block.
OB_EXPORT int64_t ob_torch_step_block_address(void) OB_NOEXCEPT;
// One step of the bound parameters by gradients that are rows of them, one entry for each tensor;
// the bound gradients do not matter. Rows are checked before anything is changed. Reads and writes
// these rows only; SGD with a momentum also those that still move.
OB_EXPORT ob_result ob_torch_step_rows(ob_torch_optimizer* optimizer, const ob_rows* gradients,
                                       double lr) OB_NOEXCEPT;
// Why ob_torch_step_rows is not for this optimizer, the end of a sentence; empty if it is.
OB_EXPORT const char* ob_torch_rows_refusal(const ob_torch_optimizer* optimizer) OB_NOEXCEPT;
// Sets the bound parameters to zero.
OB_EXPORT ob_result ob_torch_zero(ob_torch_optimizer* optimizer) OB_NOEXCEPT;

// ---- optimizers that come from elsewhere -----------------------------------------------------

// What these open is code: the caller has decided that it may run. It stays loaded until the
// process ends. The optimizers in it are made by ob_torch_create, under class names of their own.

// Opens a library made with torch/plugin/optibridge_plugin.h. `out` is for ob_torch_import_text:
// lines of fields separated by tabs, "optimizer", class name, name, default learning rate, whether
// it reads weights, each followed by its options: "option", name, kind (0 number, 1 whole number,
// 2 flag), default, least, greatest, which limits are excluded (1 the least, 2 the greatest).
OB_EXPORT ob_result ob_torch_open_plugin(const char* path, int64_t* out) OB_NOEXCEPT;
OB_EXPORT const char* ob_torch_import_text(int64_t import) OB_NOEXCEPT;

enum ob_program_kind { OB_PROGRAM_SCRIPT = 0, OB_PROGRAM_COMPILED = 1 };
enum ob_program_flags { OB_PROGRAM_ELEMENT_WISE = 1, OB_PROGRAM_IN_PLACE = 2, OB_PROGRAM_FLAT = 4 };
// Opens an exported step, see torch/program.h. path: a TorchScript archive, or the library that
// AOTInductor made for float32, or an empty text; float64_path: that for float64, or null.
// Options and states: names joined by '\n' and parallel arrays; kinds of options as above, of
// states as ob_torch_slot_kind tells. The text of `out` is the class name.
OB_EXPORT ob_result ob_torch_open_program(int32_t kind, const char* path, const char* float64_path,
                                          const char* name, const char* options,
                                          const int32_t* option_kinds, int32_t option_count,
                                          const char* states, const int32_t* kinds,
                                          const double* initial, int32_t state_count, int32_t flags,
                                          int64_t* out) OB_NOEXCEPT;

// ---- libtorch --------------------------------------------------------------------------------

OB_EXPORT const char* ob_torch_version(void) OB_NOEXCEPT;
OB_EXPORT int32_t ob_torch_threads(void) OB_NOEXCEPT;
// Numbers below one are ignored.
OB_EXPORT void ob_torch_set_threads(int32_t threads) OB_NOEXCEPT;
// From now on the core's sweeps run on libtorch's threads, lest two pools share the processors.
OB_EXPORT void ob_torch_share_threads(void) OB_NOEXCEPT;
// 0 without CUDA.
OB_EXPORT int32_t ob_torch_cuda_devices(void) OB_NOEXCEPT;

// Raises one kind of C++ exception behind the guard. Exists for tests of the error path.
// kind: as ob_raise_for_test, and 5 c10::Error, 6 c10::OutOfMemoryError.
OB_EXPORT ob_result ob_torch_raise_for_test(int32_t kind) OB_NOEXCEPT;

// ---- the yardsticks of benchmarks ------------------------------------------------------------

// Both work on memory that the caller keeps alive until `destroy`: arrays of `tensors` float32
// tensors on the host.

// An optimizer as a C++ program would run it, with state of its own; options as for
// ob_torch_create. fused: 1 PyTorch's operator, nothing between the call and it; 0 the chain of
// operators over whole tensors.
typedef struct ob_torch_bench ob_torch_bench;
OB_EXPORT ob_result ob_torch_bench_create(const char* class_name, int32_t fused,
                                          const char* option_names, const double* values,
                                          int32_t count, const ob_tensor* params,
                                          const ob_tensor* grads, int64_t tensors,
                                          ob_torch_bench** out) OB_NOEXCEPT;
OB_EXPORT ob_result ob_torch_bench_step(ob_torch_bench* bench, double lr) OB_NOEXCEPT;
OB_EXPORT void ob_torch_bench_destroy(ob_torch_bench* bench) OB_NOEXCEPT;

// One pipeline in libtorch's operators, with betas 0.9 and 0.999 and eps 1e-8. With w the
// parameters, w0 (`references`) what they were at `create`, which copies them there, and d Adam's
// direction for the clipped gradients:
//   g' = g + 0.01 (w - w0);  g" = g' min(1, 1 / |g'|), |.| over all tensors
//   w := w - lr d(g") - 0.01 w
enum ob_pipeline_program {
  OB_PIPELINE_AS_WRITTEN = 0,  // as it is usually written: out of place, tensor by tensor
  OB_PIPELINE_IN_PLACE = 1,    // whole tensors in place, with the fused kernel
  OB_PIPELINE_BLOCKED = 2      // the same in pieces that stay in cache: two passes over memory
};
typedef struct ob_torch_pipeline ob_torch_pipeline;
OB_EXPORT ob_result ob_torch_pipeline_create(int32_t program, const ob_tensor* params,
                                             const ob_tensor* grads, const ob_tensor* references,
                                             const ob_tensor* exp_avgs,
                                             const ob_tensor* exp_avg_sqs, int64_t tensors,
                                             ob_torch_pipeline** out) OB_NOEXCEPT;
// lr: above 0.
OB_EXPORT ob_result ob_torch_pipeline_step(ob_torch_pipeline* pipeline, double lr) OB_NOEXCEPT;
OB_EXPORT void ob_torch_pipeline_destroy(ob_torch_pipeline* pipeline) OB_NOEXCEPT;

#ifdef __cplusplus
}
#endif
