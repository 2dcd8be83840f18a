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

void check_step(const at::Tensor& view, const ob_tensor& tensor, const char* role) {
  if (view.scalar_type() != at::kFloat || view.numel() != 1) {
    refuse(tensor, role, " is not one float32 number");
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

Binding make_binding(const ob_tensor* params, const ob_tensor* grads, const int64_t* slots,
                     int32_t slot_count, int64_t tensors,
                     const std::vector<std::string>& slot_names) {
  if (tensors < 0) throw std::invalid_argument("a negative number of tensors");
  if (slot_count < 0 || static_cast<size_t>(slot_count) != slot_names.size()) {
    throw std::invalid_argument(std::to_string(slot_count) + " slots are given, " +
                                std::to_string(slot_names.size()) + " are needed");
  }
  if (slots == nullptr || (tensors > 0 && (params == nullptr || grads == nullptr))) {
    throw std::invalid_argument("parameters, gradients and slots must not be null");
  }
  for (int32_t s = 0; s < slot_count; ++s) {
    if (tensors > 0 && slots[s] == 0) {
      throw std::invalid_argument("slot '" + slot_names[s] + "' is null");
    }
  }

  Binding binding;
  binding.params.reserve(tensors);
  binding.grads.reserve(tensors);
  binding.slots.resize(slot_count);
  for (auto& slot : binding.slots) slot.reserve(tensors);

  for (int64_t i = 0; i < tensors; ++i) {
    if (params[i].name == nullptr) {
      throw std::invalid_argument("parameter " + std::to_string(i) + " has no name");
    }
    const at::Tensor param = view_of(params[i], "parameter");
    if (i == 0) binding.device = param.device();
    const auto add = [&](const ob_tensor& tensor, const char* role, bool step,
                         std::vector<at::Tensor>& list) {
      if (tensor.name == nullptr) refuse(params[i], role, " has no name");
      at::Tensor view = view_of(tensor, role);
      if (step) {
        check_step(view, tensor, role);
      } else {
        check_like(view, param, tensor, role);
      }
      if (view.device() != binding.device) {
        refuse(tensor, role, " is on ", view.device(), ", other tensors on ", binding.device);
      }
      list.push_back(std::move(view));
    };
    add(params[i], "parameter", false, binding.params);
    add(grads[i], "gradient", false, binding.grads);
    for (int32_t s = 0; s < slot_count; ++s) {
      const std::string role = "slot '" + slot_names[s] + "'";
      add(reinterpret_cast<const ob_tensor*>(slots[s])[i], role.c_str(), s == 0, binding.slots[s]);
    }
    // The device kernels take lists of one dtype; on the CPU each tensor is a call of its own.
    if (!binding.on_cpu() && param.scalar_type() != binding.params[0].scalar_type()) {
      throw Unsupported(label(params[i], "parameter") + " has another dtype than the first one");
    }
    binding.largest = std::max<int64_t>(binding.largest, param.numel());
  }
  return binding;
}

at::Tensor elements_at(const void* data, int64_t n, const at::Tensor& like) {
  return at::for_blob(const_cast<void*>(data), at::IntArrayRef(n))
      .options(like.options())
      .target_device(like.device())
      .make_tensor();
}

at::Tensor stretch_of(const at::Tensor& tensor, int64_t offset, int64_t n) {
  const auto* data = static_cast<const char*>(tensor.const_data_ptr());
  return elements_at(data + offset * static_cast<int64_t>(tensor.itemsize()), n, tensor);
}

float step_count(const at::Tensor& step) {
  return step.is_cpu() ? *step.const_data_ptr<float>() : step.item<float>();
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
