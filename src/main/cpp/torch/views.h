// Tensors of libtorch over memory that the caller owns.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "core/ob_core.h"
#include "torch/slots.h"

namespace optibridge::torch_bridge {

// Everything an optimizer works on: lists in the order of the caller's names.
struct Binding {
  std::vector<at::Tensor> params;
  std::vector<at::Tensor> grads;
  std::vector<std::vector<at::Tensor>> slots;  // slots[0] is "step"
  at::Device device = at::kCPU;
  std::vector<int64_t> slack;  // bytes of padding after each parameter and all that goes with it
  std::vector<SlotSpec::Kind> kinds;  // of the slots
  int64_t largest = 0;                // elements of the largest parameter
  // If this has been merged, the number of the first tensor in each run; else empty.
  std::vector<size_t> first;

  size_t size() const { return params.size(); }
  bool on_cpu() const { return device.is_cpu(); }
};

// A view that owns nothing. Throws std::invalid_argument for a tensor that describes no memory.
at::Tensor view_of(const ob_tensor& tensor, const char* role);

// Throws std::invalid_argument that names the tensor unless gradients and slots fit the parameters.
Binding make_binding(const ob_tensor* params, const ob_tensor* grads, const int64_t* slots,
                     int32_t slot_count, int64_t tensors, const std::vector<SlotSpec>& slot_specs,
                     const SlotShape& slot_shape);

// The shape of a SHAPED slot; what `slot_shape` throws is completed by the parameter's name.
std::vector<int64_t> shape_of_slot(const SlotShape& slot_shape, size_t slot, const char* name,
                                   at::IntArrayRef param);

// The same memory in fewer views: neighbours of one allocation, with nothing but padding between
// them and at the same step, become one of one dimension. For kernels that go element by element.
Binding merged(const Binding& binding);

// A stretch of a bound tensor's elements, or `n` elements of its dtype at an address.
at::Tensor stretch_of(const at::Tensor& tensor, int64_t offset, int64_t n);
at::Tensor elements_at(const void* data, int64_t n, const at::Tensor& like);

// The number in a scalar of float32 or float64, wherever it lies.
double scalar_of(const at::Tensor& scalar);
void set_scalar(const at::Tensor& scalar, double value);
// Adds one to every "step".
void count_step(Binding& binding);

}  // namespace optibridge::torch_bridge
