// Flat tensors that are used again once nobody refers to them.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace optibridge::torch_bridge {

class FlatPool {
 public:
  // All tensors that were handed out are of this kind.
  void reset(int64_t numel, at::ScalarType dtype, at::Device device);
  // One whose elements are arbitrary.
  at::Tensor take();
  // Frees what nobody refers to.
  void clear() { all_.clear(); }

 private:
  int64_t numel_ = 0;
  at::ScalarType dtype_ = at::kFloat;
  at::Device device_ = at::kCPU;
  std::vector<at::Tensor> all_;
};

// Memory of the core on the host, so that it is counted; libtorch's elsewhere.
at::Tensor make_flat(int64_t numel, at::ScalarType dtype, at::Device device);

}  // namespace optibridge::torch_bridge
