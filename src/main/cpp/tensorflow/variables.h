// Memory of TensorFlow's that is stepped as variables and used by address otherwise.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tensorflow/runtime.h"

namespace optibridge::tensorflow_bridge {

// One resource variable of zeros. On the host its memory is used by address and never moves:
// kernels write it in place, and nothing else holds on to it while they do. On another device the
// address is that of a copy on the host, which moves on push() and pull() only.
class Variable {
 public:
  Variable(TF_DataType dtype, const std::vector<int64_t>& shape, const std::string& device);
  ~Variable();
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

  TFE_TensorHandle* resource() const { return resource_.get(); }
  TF_DataType dtype() const { return dtype_; }
  const std::vector<int64_t>& shape() const { return shape_; }
  int64_t numel() const { return numel_; }
  int64_t bytes() const { return numel_ * size_of(dtype_); }
  void* data() const { return data_; }
  const std::string& device() const { return device_; }
  bool on_host() const { return mirror_ == nullptr; }
  // The host's copy to the device and back, counted as OB_COPIED_BYTES; nothing on the host.
  void push();
  void pull();
  // Throws if the memory has moved, before anybody uses the old address.
  void check_in_place(const std::string& tensor) const;

 private:
  void* read() const;

  TF_DataType dtype_;
  std::vector<int64_t> shape_;
  int64_t numel_;
  std::string device_;
  Handle resource_;
  void* mirror_ = nullptr;
  void* data_ = nullptr;
};

// How tensors become variables.
enum class Layout : int32_t {
  SHAPED = 0,  // one for each, of its shape
  FLAT = 1,    // one for each, of one dimension
  MERGED = 2   // one of one dimension for each run of one dtype
};

// A part of `ob_tf_variables`: the tensors [first, first + count) in one variable.
struct Piece {
  std::unique_ptr<Variable> variable;
  int64_t first;
  int64_t count;
};

}  // namespace optibridge::tensorflow_bridge

struct ob_tf_variables {
  std::vector<optibridge::tensorflow_bridge::Piece> pieces;
  std::vector<char*> data;  // where each tensor begins
  std::vector<int64_t> numels;
  std::vector<int32_t> dtypes;
  optibridge::tensorflow_bridge::Layout layout;
};

namespace optibridge::tensorflow_bridge {

std::unique_ptr<ob_tf_variables> make_variables(int64_t tensors, const int32_t* dtypes,
                                                const int32_t* ndims, const int64_t* shapes,
                                                Layout layout, const std::string& device);
// Whether all tensors of each piece lie in one stretch of memory as the piece does.
bool fits(const ob_tf_variables& variables, const ob_tensor* tensors);
bool aligned(const void* address);

}  // namespace optibridge::tensorflow_bridge
