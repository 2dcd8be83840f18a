// C ABI of the optibridge core: memory, counters, threads and the sweep engine. No dependencies.
#pragma once

#include "core/ob_status.h"

#ifdef __cplusplus
extern "C" {
#endif

// ---- tensors ---------------------------------------------------------------------------------

enum ob_dtype { OB_FLOAT32 = 0, OB_FLOAT64 = 1, OB_FLOAT16 = 2, OB_BFLOAT16 = 3 };

// Values of c10::DeviceType, so that a device travels to libtorch unchanged.
enum ob_device { OB_CPU = 0, OB_CUDA = 1 };

// One contiguous row-major tensor. A vector is an array of these, in the order of its names.
typedef struct ob_tensor {
  void* data;
  int64_t numel;
  const int64_t* shape;  // `ndim` extents
  const char* name;      // UTF-8, for messages
  int32_t ndim;
  int32_t dtype;
  int32_t device_type;
  int32_t device_index;
  int64_t slack;  // bytes after the last element that belong to the tensor too: padding
} ob_tensor;

// Some rows of a tensor, along its first axis. A row may be named more than once: then the sum of
// its values counts. Without row numbers (null) `values` is the whole tensor.
typedef struct ob_rows {
  const int64_t* rows;  // `count` row numbers
  const void* values;   // `count` rows, one after the other, in the tensor's dtype
  int64_t count;
} ob_rows;

// The first position whose row is not in [0, extent); -1 if there is none.
OB_EXPORT int64_t ob_find_bad_row(const int64_t* rows, int64_t count, int64_t extent) OB_NOEXCEPT;
// target[rows[i]] += scale * values[i], in order. Cost grows with the rows given, not with the
// target. OB_INVALID if a row is out of range; nothing is changed then.
OB_EXPORT ob_result ob_add_rows(const ob_tensor* target, const ob_rows* source,
                                double scale) OB_NOEXCEPT;
// target[rows[i]] = 0. Likewise.
OB_EXPORT ob_result ob_clear_rows(const ob_tensor* target, const ob_rows* source) OB_NOEXCEPT;

// ---- memory ----------------------------------------------------------------------------------

// Zero-filled host memory aligned to 64 bytes. Large blocks are staggered so that equal offsets of
// neighbouring blocks do not meet in the same cache sets.
OB_EXPORT ob_result ob_alloc(int64_t bytes, void** out) OB_NOEXCEPT;
OB_EXPORT void ob_free(void* address) OB_NOEXCEPT;
OB_EXPORT void ob_copy(void* to, const void* from, int64_t bytes) OB_NOEXCEPT;

enum ob_counter_id {
  OB_LIVE_BYTES = 0,
  OB_PEAK_BYTES = 1,
  OB_LIVE_HANDLES = 2,
  OB_COPIED_BYTES = 3,
  OB_COUNTERS = 4
};
OB_EXPORT int64_t ob_counter(int32_t id) OB_NOEXCEPT;
OB_EXPORT void ob_count(int32_t id, int64_t delta) OB_NOEXCEPT;
// Makes the peak start again from what is live now.
OB_EXPORT void ob_reset_peak(void) OB_NOEXCEPT;

// ---- threads ---------------------------------------------------------------------------------

// Upper bound of threads for sweeps; 0 selects the number of processors.
OB_EXPORT void ob_set_threads(int32_t threads) OB_NOEXCEPT;
OB_EXPORT int32_t ob_threads(void) OB_NOEXCEPT;
// Calls body(context) on up to `threads` threads at once, the caller's among them, and returns when
// all are done.
typedef void (*ob_executor)(int32_t threads, void (*body)(void* context), void* context);
// Where sweeps run from now on: on threads that a framework keeps anyway; null for the core's own.
OB_EXPORT void ob_set_executor(ob_executor executor) OB_NOEXCEPT;
// "avx512", "avx2" or "baseline": the instruction set that the block kernels run with.
OB_EXPORT const char* ob_instruction_set(void) OB_NOEXCEPT;

// ---- sweeps ----------------------------------------------------------------------------------

// Opcodes of a program. A program is a list of nodes in topological order; node i is four words of
// `code` (op, a, b, c) and constant[i]. Unless said otherwise a and b are indices of earlier nodes.
enum ob_op {
  // sources
  // a: index of a vector; b: 0, or the vector is converted: 1 where a program that loads and stores
  // no other is computed in float32, 2 where in float64
  OB_LOAD = 0,
  OB_CONSTANT = 1,       // constant: the value
  OB_CONSTANT_EACH = 2,  // a: where in `values` one value for each tensor begins
  // Noise of mean 0 and scale 1 (standard deviation; Laplace: b), made from five words of `extras`
  // at c: a key of 32 bytes and the number of the draw. An element's noise depends on these, its
  // tensor's index and its own, never on threads or blocks.
  OB_NOISE_GAUSSIAN = 3,
  OB_NOISE_LAPLACE = 4,
  // element by element, one operand
  OB_NEGATE = 10,
  OB_ABS = 11,
  OB_SQRT = 12,
  OB_SQUARE = 13,
  OB_SIGN = 14,  // -1, 0 or 1; NaN stays NaN
  OB_RECIPROCAL = 15,
  // element by element, two operands
  OB_ADD = 20,
  OB_SUBTRACT = 21,
  OB_MULTIPLY = 22,
  OB_DIVIDE = 23,
  OB_MINIMUM = 24,  // NaN if an operand is NaN
  OB_MAXIMUM = 25,
  OB_POWER = 26,
  OB_ROUND = 27,  // to the 16-bit type whose ob_dtype is b; others leave a as it is
  // reductions, accumulated in float64; the result is one scalar for each tensor, or one for all
  OB_SUM_EACH = 30,
  OB_SUM_ALL = 31,
  OB_SUM_SQUARES_EACH = 32,
  OB_SUM_SQUARES_ALL = 33,
  OB_NONFINITE_ALL = 34,  // how many elements are infinite or NaN
  // A framework's kernel as an instruction. a: the gradient, b: what it starts from or -1 for
  // zeros; at c in `extras` the addresses of an ob_call and of its context. The value is what the
  // kernel made of b. Runs once for each element, whatever reads it; if that is after a later
  // reduction, a store must keep it.
  OB_CALL = 35,
  // sinks
  OB_STORE = 40,  // a: node, b: index of a vector, c: as b of OB_LOAD
  OB_RESULT = 41  // a: scalar node; b: first position in `results` (one value, or one per tensor)
};

// Steps `n` elements of a tensor from `offset` on, with nothing but these rows shared between
// calls; called from several threads at once. Returns 0, or an error block.
typedef ob_result (*ob_call)(void* context, int64_t tensor, int64_t offset, int64_t n,
                             const void* gradient, void* param);

// Runs a program over `vectors`, arrays of `tensors` tensors that agree in numel and, unless they
// are converted, in dtype: float32 or float64, in which the tensor is computed. A converted vector
// may hold any dtype; its elements are converted block by block as they are loaded and, rounded
// once to nearest, stored. Loads read what memory held before any of the stores; two vectors must
// not overlap. Reductions are summed in an order that does not depend on the number of threads.
OB_EXPORT ob_result ob_sweep(const int32_t* code, const double* constant, int32_t nodes,
                             const int64_t* vectors, int32_t vector_count, int64_t tensors,
                             const double* values, const int64_t* extras,
                             double* results) OB_NOEXCEPT;

// ---- noise -----------------------------------------------------------------------------------

// Fills a key of four words from the operating system's generator.
OB_EXPORT ob_result ob_random_key(int64_t* key) OB_NOEXCEPT;

// Writes what OB_NOISE_GAUSSIAN or OB_NOISE_LAPLACE (`kind`) gives for elements [first, first + n)
// of the tensor of that index, below 2^31; elements are below 2^35. See core/noise.h.
OB_EXPORT ob_result ob_fill_noise(int32_t kind, const int64_t* key, int64_t draw, int64_t tensor,
                                  int64_t first, int64_t n, int32_t dtype, void* out) OB_NOEXCEPT;

// ---- the yardsticks of benchmarks ------------------------------------------------------------

// The memory traffic of one Adam step with next to no arithmetic, on the same threads as a sweep:
// reads p, g, m, v and writes p, m, v.
OB_EXPORT void ob_floor_adam(float* p, const float* g, float* m, float* v,
                             int64_t numel) OB_NOEXCEPT;
// The same with `count` buffers of state, each read and written: at most 8.
OB_EXPORT void ob_floor_step(float* p, const float* g, const int64_t* states, int32_t count,
                             int64_t numel) OB_NOEXCEPT;
// That of the pipeline FedProx, global clipping, Adam, decay: one pass that reads p, g and the
// reference q, and one that reads p, g, q, m, v and writes p, m, v. Returns a number that depends
// on what the first pass read.
OB_EXPORT float ob_floor_pipeline(float* p, const float* g, const float* q, float* m, float* v,
                                  int64_t numel) OB_NOEXCEPT;

#ifdef __cplusplus
}
#endif
