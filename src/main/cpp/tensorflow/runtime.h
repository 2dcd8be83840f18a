// TensorFlow's eager context, one for the process, and owners of what its C API hands out.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/ob_core.h"
#include "tensorflow/tf_c_api.h"

namespace optibridge::tensorflow_bridge {

// What TensorFlow itself reported.
struct TensorflowError : std::runtime_error {
  TensorflowError(TF_Code status, const std::string& text)
      : std::runtime_error(text), code(status) {}
  TF_Code code;
};

// One status for many calls; check() throws what the last one reported.
class Status {
 public:
  Status() : status_(TF_NewStatus()) {}
  ~Status() { TF_DeleteStatus(status_); }
  Status(const Status&) = delete;
  Status& operator=(const Status&) = delete;

  TF_Status* get() const { return status_; }
  bool ok() const { return TF_GetCode(status_) == TF_OK; }
  void check(const char* operation, const std::string& tensor = "") const;

 private:
  TF_Status* status_;
};

template <class T, void (*Free)(T*)>
struct Deleter {
  void operator()(T* object) const { Free(object); }
};
using Handle = std::unique_ptr<TFE_TensorHandle, Deleter<TFE_TensorHandle, TFE_DeleteTensorHandle>>;
using Tensor = std::unique_ptr<TF_Tensor, Deleter<TF_Tensor, TF_DeleteTensor>>;

// Made on first use, never freed: other threads may still be in it when the process ends.
TFE_Context* context();
void set_threads(int32_t intra_op, int32_t inter_op);
// Logical devices that the processor counts as: more than one shows how devices work without a GPU.
void set_cpus(int32_t cpus);

// A device as "CPU:0"; throws Unsupported, with what there is, if TensorFlow has no such one.
std::string device_named(const std::string& name);
// The host's memory, which is used by address.
extern const std::string kHost;

// An eager operation that is executed again and again, on one device. Inputs from elsewhere are
// copied there by TensorFlow, which keeps the copy as long as the input's handle.
class Op {
 public:
  explicit Op(const char* name, std::string device = kHost);
  ~Op() { TFE_DeleteOp(op_); }
  Op(const Op&) = delete;
  Op& operator=(const Op&) = delete;

  // Each run starts here, then adds inputs and attributes.
  Op& begin();
  Op& input(const Handle& handle) { return input(handle.get()); }
  Op& input(TFE_TensorHandle* handle);
  Op& type(const char* attribute, TF_DataType value);
  Op& flag(const char* attribute, bool value);
  Op& text(const char* attribute, const std::string& value);
  Op& shape(const char* attribute, const std::vector<int64_t>& dims);
  TFE_Op* raw() const { return op_; }
  // `tensor` names what is worked on, for messages.
  void run(const std::string& tensor = "");
  Handle run_for_one(const std::string& tensor = "");

 private:
  std::string name_;
  std::string device_;
  Status status_;
  TFE_Op* op_;
};

TF_DataType tf_type(int32_t dtype);
int64_t size_of(TF_DataType dtype);

// A scalar of the dtype.
Tensor scalar_tensor(TF_DataType dtype, double value);
Handle scalar(TF_DataType dtype, double value);
// base^exponent as TensorFlow computes it in that dtype.
Handle power(TF_DataType dtype, double base, double exponent);
// A view of memory that the caller keeps alive; aligned to 64 bytes, else TensorFlow would copy.
Handle borrow(TF_DataType dtype, const std::vector<int64_t>& shape, void* data);
Handle handle_of(const TF_Tensor* tensor);

}  // namespace optibridge::tensorflow_bridge
