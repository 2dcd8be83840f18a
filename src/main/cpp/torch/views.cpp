#include "torch/views.h"

#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <sstream>
#include <stdexcept>

#include "core/guard.h"

namespace optibridge::torch_bridge {
namespace {

std::string label(const ob_tensor& tensor, const char* role) {
  return std::string(role) + " of '" + (tensor.name == nullptr ? "?" : tensor.name) + "'";
}

template <class... Parts>
[[noreturn]] void refuse(const ob_tensor& tensor, const char* role, Parts&&... parts) {
  std::ostringstream text;
  text << label(tensor, role);
  (text << ... << parts);
  throw std::invalid_argument(text.str());
}

at::ScalarType dtype_of(const ob_tensor& tensor, const char* role) {
  switch (tensor.dtype) {
    case OB_FLOAT32:
      return at::kFloat;
    case OB_FLOAT64:
      return at::kDouble;
    case OB_FLOAT16:
    case OB_BFLOAT16:
      refuse(tensor, role, " is ", tensor.dtype == OB_FLOAT16 ? "float16" : "bfloat16",
             ", and only float32 and float64 are stepped; step float32 master weights with"
             " MixedPrecision");
    default:
      refuse(tensor, role, " has the unknown dtype ", tensor.dtype);
  }
}

// The gradient or slot `tensor` must look like its parameter.
void check_like(const at::Tensor& view, const at::Tensor& param, const ob_tensor& tensor,
                const char* role) {
  if (view.sizes() != param.sizes()) {
    refuse(tensor, role, " has shape ", view.sizes(), ", the parameter ", param.sizes());
  }
  if (view.scalar_type() != param.scalar_type()) {
    refuse(tensor, role, " is ", view.scalar_type(), ", the parameter ", param.scalar_type());
  }
}

void check_scalar(const at::Tensor& view, at::ScalarType dtype, const ob_tensor& tensor,
                  const char* role) {
  if (view.scalar_type() != dtype || view.numel() != 1) {
    refuse(tensor, role, " is not one ", dtype == at::kFloat ? "float32" : "float64", " number");
  }
}

void check_shaped(const at::Tensor& view, const at::Tensor& param, at::IntArrayRef shape,
                  const ob_tensor& tensor, const char* role) {
  if (view.sizes() != shape) {
    refuse(tensor, role, " has shape ", view.sizes(), " and must have ", shape);
  }
  if (view.scalar_type() != param.scalar_type()) {
    refuse(tensor, role, " is ", view.scalar_type(), ", the parameter ", param.scalar_type());
  }
}

}  // namespace

at::Tensor view_of(const ob_tensor& tensor, const char* role) {
  if (tensor.ndim < 0 || (tensor.ndim > 0 && tensor.shape == nullptr)) {
    refuse(tensor, role, " has no shape");
  }
  int64_t numel = 1;
  for (int32_t d = 0; d < tensor.ndim; ++d) {
    if (tensor.shape[d] < 0 || __builtin_mul_overflow(numel, tensor.shape[d], &numel)) {
      refuse(tensor, role, " has the impossible extent ", tensor.shape[d]);
    }
  }
  if (numel != tensor.numel) {
    refuse(tensor, role, " has ", tensor.numel, " elements, its shape ", numel);
  }
  if (tensor.data == nullptr && numel > 0) refuse(tensor, role, " has no memory");
  if (tensor.device_type < 0 ||
      tensor.device_type >= static_cast<int32_t>(at::COMPILE_TIME_MAX_DEVICE_TYPES) ||
      tensor.device_index < -1 || tensor.device_index > 127) {
    refuse(tensor, role, " is on the unknown device ", tensor.device_type, ":",
           tensor.device_index);
  }
  const auto type = static_cast<at::DeviceType>(tensor.device_type);
  const at::Device device(
      type, type == at::kCPU ? at::DeviceIndex(-1) : at::DeviceIndex(tensor.device_index));
  // With the device named, libtorch does not ask a driver whose memory this is.
  return at::for_blob(tensor.data, at::IntArrayRef(tensor.shape, tensor.ndim))
      .options(at::TensorOptions().dtype(dtype_of(tensor, role)).device(device))
      .target_device(device)
      .make_tensor();
}

std::vector<int64_t> shape_of_slot(const SlotShape& slot_shape, size_t slot, const char* name,
                                   at::IntArrayRef param) {
  try {
    return slot_shape(slot, param);
  } catch (const std::invalid_argument& e) {
    throw std::invalid_argument("parameter '" + std::string(name) + "' " + e.what());
  }
}

Binding make_binding(const ob_tensor* params, const ob_tensor* grads, const int64_t* slots,
                     int32_t slot_count, int64_t tensors, const std::vector<SlotSpec>& slot_specs,
                     const SlotShape& slot_shape) {
  if (tensors < 0) throw std::invalid_argument("a negative number of tensors");
  if (slot_count < 0 || static_cast<size_t>(slot_count) != slot_specs.size()) {
    throw std::invalid_argument(std::to_string(slot_count) + " slots are given, " +
                                std::to_string(slot_specs.size()) + " are needed");
  }
  if (slots == nullptr || (tensors > 0 && (params == nullptr || grads == nullptr))) {
    throw std::invalid_argument("parameters, gradients and slots must not be null");
  }
  for (int32_t s = 0; s < slot_count; ++s) {
    if (tensors > 0 && slots[s] == 0) {
      throw std::invalid_argument("slot '" + slot_specs[s].name + "' is null");
    }
  }

  Binding binding;
  binding.params.reserve(tensors);
  binding.grads.reserve(tensors);
  binding.slots.resize(slot_count);
  for (const SlotSpec& spec : slot_specs) binding.kinds.push_back(spec.kind);
  for (auto& slot : binding.slots) slot.reserve(tensors);

  for (int64_t i = 0; i < tensors; ++i) {
    if (params[i].name == nullptr) {
      throw std::invalid_argument("parameter " + std::to_string(i) + " has no name");
    }
    const at::Tensor param = view_of(params[i], "parameter");
    if (i == 0) binding.device = param.device();
    const auto add = [&](const ob_tensor& tensor, const char* role, int32_t slot,
                         std::vector<at::Tensor>& list) {
      if (tensor.name == nullptr) refuse(params[i], role, " has no name");
      at::Tensor view = view_of(tensor, role);
      switch (slot < 0 ? SlotSpec::LIKE : slot_specs[slot].kind) {
        case SlotSpec::LIKE:
          check_like(view, param, tensor, role);
          break;
        case SlotSpec::SCALAR:
          check_scalar(view, at::kFloat, tensor, role);
          break;
        case SlotSpec::SCALAR64:
          check_scalar(view, at::kDouble, tensor, role);
          break;
        case SlotSpec::SHAPED:
          check_shaped(view, param, shape_of_slot(slot_shape, slot, tensor.name, param.sizes()),
                       tensor, role);
          break;
      }
      if (view.device() != binding.device) {
        refuse(tensor, role, " is on ", view.device(), ", other tensors on ", binding.device);
      }
      list.push_back(std::move(view));
    };
    add(params[i], "parameter", -1, binding.params);
    add(grads[i], "gradient", -1, binding.grads);
    int64_t slack = std::min(params[i].slack, grads[i].slack);
    for (int32_t s = 0; s < slot_count; ++s) {
      const std::string role = "slot '" + slot_specs[s].name + "'";
      const ob_tensor& slot = reinterpret_cast<const ob_tensor*>(slots[s])[i];
      add(slot, role.c_str(), s, binding.slots[s]);
      if (s > 0) slack = std::min(slack, slot.slack);
    }
    binding.slack.push_back(slack);
    // The device kernels take lists of one dtype; on the CPU each tensor is a call of its own.
    if (!binding.on_cpu() && param.scalar_type() != binding.params[0].scalar_type()) {
      throw Unsupported(label(params[i], "parameter") + " has another dtype than the first one");
    }
    binding.largest = std::max<int64_t>(binding.largest, param.numel());
  }
  return binding;
}

namespace {

bool same_scalar(const at::Tensor& one, const at::Tensor& other) {
  return one.numel() == 1 && other.numel() == 1 && one.dim() == 0 && other.dim() == 0 &&
         scalar_of(one) == scalar_of(other);
}

// The elements from the start of tensor i to the start of the next if all of a binding's vectors
// have them so far apart, else -1.
int64_t stride(const Binding& binding, size_t i) {
  const auto distance = [i](const std::vector<at::Tensor>& list) {
    return static_cast<const char*>(list[i + 1].const_data_ptr()) -
           static_cast<const char*>(list[i].const_data_ptr());
  };
  const at::Tensor& param = binding.params[i];
  const int64_t bytes = distance(binding.params);
  const int64_t gap = bytes - static_cast<int64_t>(param.nbytes());
  const int64_t size = static_cast<int64_t>(param.itemsize());
  if (gap < 0 || gap > binding.slack[i] || bytes % size != 0 ||
      binding.params[i + 1].scalar_type() != param.scalar_type() ||
      distance(binding.grads) != bytes ||
      scalar_of(binding.slots[0][i]) != scalar_of(binding.slots[0][i + 1])) {
    return -1;
  }
  for (size_t s = 1; s < binding.slots.size(); ++s) {
    const auto& slot = binding.slots[s];
    const bool fits = binding.kinds[s] == SlotSpec::LIKE ? distance(slot) == bytes
                                                         : same_scalar(slot[i], slot[i + 1]);
    if (!fits) return -1;
  }
  return bytes / size;
}

}  // namespace

Binding merged(const Binding& binding) {
  if (!binding.on_cpu()) return binding;
  Binding runs;
  runs.kinds = binding.kinds;
  runs.slots.resize(binding.slots.size());
  for (size_t i = 0; i < binding.size(); ++i) {
    const size_t first = i;
    int64_t length = 0;
    for (;; ++i) {
      const int64_t step = i + 1 < binding.size() ? stride(binding, i) : -1;
      length += step < 0 ? binding.params[i].numel() : step;
      if (step < 0) break;
    }
    runs.first.push_back(first);
    const auto run = [&](const at::Tensor& tensor) {
      return first == i ? tensor : elements_at(tensor.const_data_ptr(), length, tensor);
    };
    runs.params.push_back(run(binding.params[first]));
    runs.grads.push_back(run(binding.grads[first]));
    runs.slots[0].push_back(binding.slots[0][first]);
    for (size_t s = 1; s < binding.slots.size(); ++s) {
      const at::Tensor& slot = binding.slots[s][first];
      runs.slots[s].push_back(binding.kinds[s] == SlotSpec::LIKE ? run(slot) : slot);
    }
    runs.largest = std::max(runs.largest, length);
  }
  return runs;
}

at::Tensor elements_at(const void* data, int64_t n, const at::Tensor& like) {
  return at::for_blob(const_cast<void*>(data), at::IntArrayRef(n))
      .options(like.options())
      .target_device(like.device())
      .make_tensor();
}

at::Tensor stretch_of(const at::Tensor& tensor, int64_t offset, int64_t n) {
  // A view by hand: what at::narrow does, without the dispatcher.
  at::Tensor view = at::detail::make_tensor<c10::TensorImpl>(
      c10::TensorImpl::VIEW, c10::Storage(tensor.storage()), tensor.key_set(), tensor.dtype());
  c10::TensorImpl* impl = view.unsafeGetTensorImpl();
  impl->set_storage_offset(tensor.storage_offset() + offset);
  impl->set_sizes_contiguous(at::IntArrayRef(n));
  return view;
}

double scalar_of(const at::Tensor& scalar) {
  if (!scalar.is_cpu()) return scalar.item<double>();
  if (scalar.scalar_type() == at::kDouble) return *scalar.const_data_ptr<double>();
  return *scalar.const_data_ptr<float>();
}

void set_scalar(const at::Tensor& scalar, double value) {
  if (!scalar.is_cpu()) {
    scalar.fill_(value);
  } else if (scalar.scalar_type() == at::kDouble) {
    *scalar.mutable_data_ptr<double>() = value;
  } else {
    *scalar.mutable_data_ptr<float>() = static_cast<float>(value);
  }
}

void count_step(Binding& binding) {
  auto& steps = binding.slots[0];
  if (steps.empty()) return;
  if (binding.on_cpu()) {
    for (const at::Tensor& step : steps) *step.mutable_data_ptr<float>() += 1;
  } else {
    at::_foreach_add_(steps, 1);
  }
}

}  // namespace optibridge::torch_bridge
