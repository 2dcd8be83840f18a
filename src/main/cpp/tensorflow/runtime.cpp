#include "tensorflow/runtime.h"

#include <mutex>

#include "core/guard.h"

namespace optibridge::tensorflow_bridge {
namespace {

std::mutex mutex;
TFE_Context* the_context = nullptr;
int32_t intra_op_threads = 0;
int32_t inter_op_threads = 1;
int32_t cpu_devices = 1;

void append_number(std::string& bytes, int field, int32_t value) {
  bytes.push_back(static_cast<char>(field << 3));
  auto rest = static_cast<uint32_t>(value);
  for (; rest >= 0x80; rest >>= 7) bytes.push_back(static_cast<char>(rest | 0x80));
  bytes.push_back(static_cast<char>(rest));
}

void append_message(std::string& bytes, int field, const std::string& message) {
  bytes.push_back(static_cast<char>(field << 3 | 2));
  bytes.push_back(static_cast<char>(message.size()));
  bytes += message;
}

// ConfigProto in protobuf's wire format: field 1 is the map device_count, 2
// intra_op_parallelism_threads, 5 inter_op_parallelism_threads, 6 gpu_options, whose field 4 is
// allow_growth: without it TensorFlow takes all of a GPU's memory, and leaves none to libtorch.
std::string config() {
  std::string bytes;
  std::string count;
  append_message(count, 1, "CPU");
  append_number(count, 2, cpu_devices);
  append_message(bytes, 1, count);
  append_number(bytes, 2, intra_op_threads > 0 ? intra_op_threads : ob_threads());
  append_number(bytes, 5, inter_op_threads);
  std::string gpu;
  append_number(gpu, 4, 1);
  append_message(bytes, 6, gpu);
  return bytes;
}

// The devices there are, as "CPU:0".
std::vector<std::string> devices() {
  const Status status;
  TF_DeviceList* list = TFE_ContextListDevices(context(), status.get());
  status.check("devices");
  std::vector<std::string> names;
  for (int i = 0; i < TF_DeviceListCount(list); i++) {
    // "/job:localhost/replica:0/task:0/device:CPU:0"
    const std::string name = TF_DeviceListName(list, i, status.get());
    const size_t at = name.rfind("device:");
    if (at != std::string::npos) names.push_back(name.substr(at + 7));
  }
  TF_DeleteDeviceList(list);
  return names;
}

}  // namespace

const std::string kHost = "CPU:0";

void Status::check(const char* operation, const std::string& tensor) const {
  const TF_Code code = TF_GetCode(status_);
  if (code == TF_OK) return;
  std::string text = operation;
  if (!tensor.empty()) text += " of '" + tensor + "'";
  throw TensorflowError(code, text + ": " + TF_Message(status_));
}

TFE_Context* context() {
  const std::lock_guard<std::mutex> lock(mutex);
  if (the_context == nullptr) {
    const Status status;
    const std::string proto = config();
    TFE_ContextOptions* options = TFE_NewContextOptions();
    TFE_ContextOptionsSetConfig(options, proto.data(), proto.size(), status.get());
    TFE_Context* made = status.ok() ? TFE_NewContext(options, status.get()) : nullptr;
    TFE_DeleteContextOptions(options);
    status.check("the context");
    the_context = made;
  }
  return the_context;
}

void set_threads(int32_t intra_op, int32_t inter_op) {
  if (intra_op < 0 || inter_op < 1) {
    throw std::invalid_argument("there must be at least one thread");
  }
  const std::lock_guard<std::mutex> lock(mutex);
  if (the_context != nullptr && (intra_op != intra_op_threads || inter_op != inter_op_threads)) {
    throw Unsupported("TensorFlow runs already; set its threads before the first module is made");
  }
  intra_op_threads = intra_op;
  inter_op_threads = inter_op;
}

void set_cpus(int32_t cpus) {
  if (cpus < 1) throw std::invalid_argument("there must be at least one CPU device");
  const std::lock_guard<std::mutex> lock(mutex);
  if (the_context != nullptr && cpus != cpu_devices) {
    throw Unsupported("TensorFlow runs already; set its devices before the first module is made");
  }
  cpu_devices = cpus;
}

std::string device_named(const std::string& name) {
  const std::string full = name.find(':') == std::string::npos ? name + ":0" : name;
  std::string known;
  for (const std::string& device : devices()) {
    if (device == full) return full;
    known += (known.empty() ? "" : ", ") + device;
  }
  throw Unsupported("TensorFlow has no device '" + full + "'; it has " + known);
}

Op::Op(const char* name, std::string device)
    : name_(name),
      device_("/device:" + std::move(device)),
      op_(TFE_NewOp(context(), name, status_.get())) {
  status_.check(name);
  begin();
}

Op& Op::begin() {
  TFE_OpReset(op_, name_.c_str(), device_.c_str(), status_.get());
  status_.check(name_.c_str());
  return *this;
}

Op& Op::input(TFE_TensorHandle* handle) {
  TFE_OpAddInput(op_, handle, status_.get());
  status_.check(name_.c_str());
  return *this;
}

Op& Op::type(const char* attribute, TF_DataType value) {
  TFE_OpSetAttrType(op_, attribute, value);
  return *this;
}

Op& Op::flag(const char* attribute, bool value) {
  TFE_OpSetAttrBool(op_, attribute, value ? 1 : 0);
  return *this;
}

Op& Op::text(const char* attribute, const std::string& value) {
  TFE_OpSetAttrString(op_, attribute, value.data(), value.size());
  return *this;
}

Op& Op::shape(const char* attribute, const std::vector<int64_t>& dims) {
  TFE_OpSetAttrShape(op_, attribute, dims.data(), static_cast<int>(dims.size()), status_.get());
  status_.check(name_.c_str());
  return *this;
}

void Op::run(const std::string& tensor) {
  int none = 0;
  TFE_Execute(op_, nullptr, &none, status_.get());
  status_.check(name_.c_str(), tensor);
}

Handle Op::run_for_one(const std::string& tensor) {
  TFE_TensorHandle* result = nullptr;
  int one = 1;
  TFE_Execute(op_, &result, &one, status_.get());
  status_.check(name_.c_str(), tensor);
  return Handle(result);
}

TF_DataType tf_type(int32_t dtype) {
  switch (dtype) {
    case OB_FLOAT32:
      return TF_FLOAT;
    case OB_FLOAT64:
      return TF_DOUBLE;
    default:
      throw Unsupported("TensorFlow steps float32 and float64 tensors here, no others");
  }
}

int64_t size_of(TF_DataType dtype) {
  switch (dtype) {
    case TF_FLOAT:
    case TF_INT32:
      return 4;
    case TF_BOOL:
      return 1;
    default:
      return 8;
  }
}

Tensor scalar_tensor(TF_DataType dtype, double value) {
  Tensor tensor(TF_AllocateTensor(dtype, nullptr, 0, static_cast<size_t>(size_of(dtype))));
  if (tensor == nullptr) throw std::bad_alloc();
  void* data = TF_TensorData(tensor.get());
  switch (dtype) {
    case TF_FLOAT:
      *static_cast<float*>(data) = static_cast<float>(value);
      break;
    case TF_DOUBLE:
      *static_cast<double*>(data) = value;
      break;
    case TF_INT32:
      *static_cast<int32_t*>(data) = static_cast<int32_t>(value);
      break;
    default:
      throw std::invalid_argument("no scalar of this dtype");
  }
  return tensor;
}

Handle handle_of(const TF_Tensor* tensor) {
  const Status status;
  Handle handle(TFE_NewTensorHandle(tensor, status.get()));
  status.check("a tensor's handle");
  return handle;
}

Handle scalar(TF_DataType dtype, double value) {
  return handle_of(scalar_tensor(dtype, value).get());
}

Handle power(TF_DataType dtype, double base, double exponent) {
  static thread_local Op op("Pow");
  return op.begin()
      .input(scalar(dtype, base))
      .input(scalar(dtype, exponent))
      .type("T", dtype)
      .run_for_one();
}

Handle borrow(TF_DataType dtype, const std::vector<int64_t>& shape, void* data) {
  int64_t bytes = size_of(dtype);
  for (const int64_t extent : shape) bytes *= extent;
  const Tensor tensor(TF_NewTensor(
      dtype, shape.data(), static_cast<int>(shape.size()), data, static_cast<size_t>(bytes),
      [](void*, size_t, void*) {}, nullptr));
  if (tensor == nullptr) throw std::bad_alloc();
  return handle_of(tensor.get());
}

}  // namespace optibridge::tensorflow_bridge
