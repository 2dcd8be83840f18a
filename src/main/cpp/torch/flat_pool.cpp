#include "torch/flat_pool.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <new>

#include "core/ob_core.h"

namespace optibridge::torch_bridge {

at::Tensor make_flat(int64_t numel, at::ScalarType dtype, at::Device device) {
  const auto options = at::TensorOptions().dtype(dtype).device(device);
  if (!device.is_cpu()) return at::empty({numel}, options);
  void* memory = nullptr;
  const ob_result failed = ob_alloc(numel * static_cast<int64_t>(c10::elementSize(dtype)), &memory);
  if (failed != 0) {
    ob_error_free(reinterpret_cast<ob_error*>(failed));
    throw std::bad_alloc();
  }
  return at::for_blob(memory, at::IntArrayRef(numel))
      .deleter([](void* data) { ob_free(data); })
      .options(options)
      .target_device(device)
      .make_tensor();
}

void FlatPool::reset(int64_t numel, at::ScalarType dtype, at::Device device) {
  if (numel == numel_ && dtype == dtype_ && device == device_) return;
  all_.clear();
  numel_ = numel;
  dtype_ = dtype;
  device_ = device;
}

at::Tensor FlatPool::take() {
  for (const at::Tensor& tensor : all_) {
    if (tensor.use_count() == 1) return tensor;
  }
  all_.push_back(make_flat(numel_, dtype_, device_));
  return all_.back();
}

}  // namespace optibridge::torch_bridge
