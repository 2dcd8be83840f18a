#include "tensorflow/variables.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <limits>

namespace optibridge::tensorflow_bridge {
namespace {

constexpr int64_t kAlignment = 64;
constexpr int64_t kMostBytes = std::numeric_limits<int64_t>::max() / 4;

std::atomic<int64_t> next_name{0};
alignas(kAlignment) char empty[kAlignment];

int64_t padded(int64_t bytes) {
  return std::max<int64_t>(1, (bytes + kAlignment - 1) / kAlignment) * kAlignment;
}

int64_t product(const std::vector<int64_t>& shape) {
  int64_t numel = 1;
  for (const int64_t extent : shape) {
    if (extent < 0) throw std::invalid_argument("a shape has a negative extent");
    if (extent != 0 && numel > kMostBytes / 8 / extent) throw std::bad_alloc();
    numel *= extent;
  }
  return numel;
}

}  // namespace

bool aligned(const void* address) { return reinterpret_cast<uintptr_t>(address) % kAlignment == 0; }

Variable::Variable(TF_DataType dtype, const std::vector<int64_t>& shape, const std::string& device)
    : dtype_(dtype), shape_(shape), numel_(product(shape)), device_(device) {
  const std::string name = "optibridge/" + std::to_string(next_name.fetch_add(1));
  resource_ = Op("VarHandleOp", device)
                  .type("dtype", dtype)
                  .shape("shape", shape)
                  .text("shared_name", name)
                  .run_for_one();
  const auto bytes = static_cast<size_t>(this->bytes());
  Tensor zeros(TF_AllocateTensor(dtype, shape.data(), static_cast<int>(shape.size()), bytes));
  if (zeros == nullptr || (bytes > 0 && TF_TensorData(zeros.get()) == nullptr)) {
    throw std::bad_alloc();
  }
  if (bytes > 0) std::memset(TF_TensorData(zeros.get()), 0, bytes);
  Handle value = handle_of(zeros.get());
  zeros.reset();
  // Now the handle is the only owner of the zeros, and becomes none when the variable has them.
  Op assign("AssignVariableOp", device);
  assign.input(resource_).input(value).type("dtype", dtype).run();
  value.reset();
  assign.begin();  // drops its hold on the zeros
  if (numel_ > 0 && device != kHost) {
    const ob_result failed = ob_alloc(this->bytes(), &mirror_);
    if (failed != 0) {
      ob_error_free(reinterpret_cast<ob_error*>(failed));
      throw std::bad_alloc();
    }
    data_ = mirror_;
  } else {
    // Memory without elements may have no address, but its owner needs one.
    data_ = numel_ > 0 ? read() : empty;
  }
}

void Variable::push() {
  if (on_host()) return;
  // A copy that the variable may keep: the mirror changes later on.
  const Tensor copy(TF_AllocateTensor(dtype_, shape_.data(), static_cast<int>(shape_.size()),
                                      static_cast<size_t>(bytes())));
  if (copy == nullptr) throw std::bad_alloc();
  std::memcpy(TF_TensorData(copy.get()), mirror_, static_cast<size_t>(bytes()));
  Op("AssignVariableOp", device_)
      .input(resource_)
      .input(handle_of(copy.get()))
      .type("dtype", dtype_)
      .run();
  ob_count(OB_COPIED_BYTES, bytes());
}

void Variable::pull() {
  if (on_host()) return;
  const Handle value =
      Op("ReadVariableOp", device_).input(resource_).type("dtype", dtype_).run_for_one();
  const Status status;
  const Tensor host(TFE_TensorHandleResolve(value.get(), status.get()));
  status.check("a variable's values");
  std::memcpy(mirror_, TF_TensorData(host.get()), static_cast<size_t>(bytes()));
  ob_count(OB_COPIED_BYTES, bytes());
}

Variable::~Variable() {
  ob_free(mirror_);
  try {
    Op("DestroyResourceOp", device_).input(resource_).run();
  } catch (...) {
    // The process ends, or TensorFlow lost it; nobody can do anything about it.
  }
}

void* Variable::read() const {
  static thread_local Op op("ReadVariableOp");
  const Status status;
  void* address = nullptr;
  {
    const Handle value = op.begin().input(resource_).type("dtype", dtype_).run_for_one();
    address = TFE_TensorHandleDevicePointer(value.get(), status.get());
    status.check("the memory of a variable");
  }
  return address;
}

void Variable::check_in_place(const std::string& tensor) const {
  if (on_host() && numel_ > 0 && read() != data_) {
    throw std::logic_error("TensorFlow moved the memory of '" + tensor +
                           "'; close this module and the weights made with it");
  }
}

std::unique_ptr<ob_tf_variables> make_variables(int64_t tensors, const int32_t* dtypes,
                                                const int32_t* ndims, const int64_t* shapes,
                                                Layout layout, const std::string& device) {
  auto made = std::make_unique<ob_tf_variables>();
  made->layout = layout;
  std::vector<std::vector<int64_t>> all;
  for (int64_t i = 0; i < tensors; i++) {
    all.emplace_back(shapes, shapes + ndims[i]);
    shapes += ndims[i];
    made->dtypes.push_back(dtypes[i]);
    made->numels.push_back(product(all.back()));
  }
  for (int64_t first = 0; first < tensors;) {
    const TF_DataType dtype = tf_type(dtypes[first]);
    const int64_t size = size_of(dtype);
    int64_t bytes = 0;
    int64_t numel = 0;
    int64_t next = first;
    std::vector<int64_t> offsets;  // bytes from where the variable begins
    do {
      offsets.push_back(bytes);
      // Nothing after the last tensor: what is beyond a caller's memory is not read.
      numel = bytes / size + made->numels[next];
      bytes += padded(made->numels[next] * size);
      if (bytes > kMostBytes) throw std::bad_alloc();
      next++;
    } while (layout == Layout::MERGED && next < tensors && dtypes[next] == dtypes[first]);
    const std::vector<int64_t> shape =
        layout == Layout::SHAPED ? all[first] : std::vector<int64_t>{numel};
    auto variable = std::make_unique<Variable>(dtype, shape, device);
    char* data = static_cast<char*>(variable->data());
    for (const int64_t offset : offsets) made->data.push_back(data + offset);
    made->pieces.push_back({std::move(variable), first, next - first});
    first = next;
  }
  return made;
}

bool fits(const ob_tf_variables& variables, const ob_tensor* tensors) {
  if (variables.layout != Layout::MERGED) return true;
  for (const Piece& piece : variables.pieces) {
    const auto* start = static_cast<const char*>(tensors[piece.first].data);
    if (!aligned(start)) return false;
    for (int64_t i = piece.first; i < piece.first + piece.count; i++) {
      // What lies between two tensors is read too. It is in the cache line that the former ends in,
      // and changes nothing but padding.
      const auto offset = variables.data[i] - variables.data[piece.first];
      if (static_cast<const char*>(tensors[i].data) != start + offset) return false;
    }
  }
  return true;
}

}  // namespace optibridge::tensorflow_bridge
