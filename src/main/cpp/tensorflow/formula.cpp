#include "tensorflow/formula.h"

#include <cstring>
#include <mutex>
#include <set>

namespace optibridge::tensorflow_bridge {

TF_OperationDescription* Formula::start(const char* type) {
  const std::string name = "op" + std::to_string(operations_++);
  return TF_NewOperation(graph_, type, name.c_str());
}

TF_Operation* Formula::finish(TF_OperationDescription* description) {
  TF_Operation* operation = TF_FinishOperation(description, status_.get());
  status_.check("a formula's operation");
  since_.push_back(operation);
  return operation;
}

Value Formula::argument(TF_DataType dtype) {
  TF_OperationDescription* description = start("Placeholder");
  TF_SetAttrType(description, "dtype", dtype);
  TF_Operation* operation = TF_FinishOperation(description, status_.get());
  status_.check("a formula's argument");
  arguments_.push_back({operation, 0});
  return {{operation, 0}, this};
}

Value Formula::read(Value variable) {
  TF_OperationDescription* description = start("ReadVariableOp");
  TF_AddInput(description, variable.output);
  TF_SetAttrType(description, "dtype", dtype_);
  if (!assignments_.empty()) TF_AddControlInput(description, assignments_.back());
  return {{finish(description), 0}, this};
}

void Formula::assign(const char* type, std::initializer_list<Value> inputs,
                     std::initializer_list<std::pair<const char*, bool>> flags) {
  TF_OperationDescription* description = start(type);
  for (const Value& input : inputs) TF_AddInput(description, input.output);
  for (const auto& [flag, value] : flags) TF_SetAttrBool(description, flag, value ? 1 : 0);
  for (TF_Operation* before : since_) TF_AddControlInput(description, before);
  TF_Operation* operation = TF_FinishOperation(description, status_.get());
  status_.check("a formula's assignment");
  since_ = {operation};
  assignments_.push_back(operation);
}

Value Formula::constant(double value) {
  TF_OperationDescription* description = start("Const");
  const Tensor tensor = scalar_tensor(dtype_, value);
  TF_SetAttrType(description, "dtype", dtype_);
  TF_SetAttrTensor(description, "value", tensor.get(), status_.get());
  status_.check("a formula's constant");
  return {{finish(description), 0}, this};
}

Value Formula::integers(const std::vector<int32_t>& values, bool scalar) {
  TF_OperationDescription* description = start("Const");
  const auto count = static_cast<int64_t>(values.size());
  const size_t bytes = values.size() * sizeof(int32_t);
  const Tensor tensor(TF_AllocateTensor(TF_INT32, &count, scalar ? 0 : 1, bytes));
  if (tensor == nullptr) throw std::bad_alloc();
  if (bytes > 0) std::memcpy(TF_TensorData(tensor.get()), values.data(), bytes);
  TF_SetAttrType(description, "dtype", TF_INT32);
  TF_SetAttrTensor(description, "value", tensor.get(), status_.get());
  status_.check("a formula's constant");
  return {{finish(description), 0}, this};
}

Value Formula::op(const char* type, std::initializer_list<Value> inputs) {
  TF_OperationDescription* description = start(type);
  for (const Value& input : inputs) TF_AddInput(description, input.output);
  return {{finish(description), 0}, this};
}

Value Formula::reduce(const char* type, Value of, const std::vector<int32_t>& axes, bool keep) {
  const Value over = integers(axes, false);
  TF_OperationDescription* description = start(type);
  TF_AddInput(description, of.output);
  TF_AddInput(description, over.output);
  TF_SetAttrBool(description, "keep_dims", keep ? 1 : 0);
  return {{finish(description), 0}, this};
}

Value Formula::expand(Value of, int32_t axis) {
  return op("ExpandDims", {of, integers({axis}, true)});
}

Value Formula::transpose(Value matrix) {
  return op("Transpose", {matrix, integers({1, 0}, false)});
}

Value Formula::product(Value a, Value b, bool transpose_b) {
  TF_OperationDescription* description = start("MatMul");
  TF_AddInput(description, a.output);
  TF_AddInput(description, b.output);
  TF_SetAttrBool(description, "transpose_b", transpose_b ? 1 : 0);
  return {{finish(description), 0}, this};
}

Value Formula::largest_extent(Value of) {
  const Value largest = reduce("Max", op("Shape", {of}), {0}, false);
  TF_OperationDescription* description = start("Cast");
  TF_AddInput(description, largest.output);
  TF_SetAttrType(description, "DstT", dtype_);
  return {{finish(description), 0}, this};
}

void Formula::define(const std::string& name) {
  std::vector<const TF_Operation*> effects(assignments_.begin(), assignments_.end());
  TF_Function* function = TF_GraphToFunctionWithControlOutputs(
      graph_, name.c_str(), 0, -1, nullptr, static_cast<int>(arguments_.size()), arguments_.data(),
      0, nullptr, nullptr, static_cast<int>(effects.size()), effects.data(), nullptr, nullptr,
      nullptr, status_.get());
  status_.check("a formula");
  TFE_ContextAddFunction(context(), function, status_.get());
  TF_DeleteFunction(function);
  status_.check("a formula");
}

Call call_of(
    const std::string& name, TF_DataType dtype, const std::string& inputs, size_t scalar_count,
    const std::function<void(Formula&, const Values& inputs, const Values& scalars)>& write) {
  static std::mutex mutex;
  static std::set<std::string> defined;
  const std::lock_guard<std::mutex> lock(mutex);
  if (defined.count(name) == 0) {
    Formula formula(dtype);
    Values values;
    Values scalars;
    for (const char input : inputs) {
      values.push_back(input == 'g' ? formula.value() : formula.variable());
    }
    for (size_t i = 0; i < scalar_count; i++) scalars.push_back(formula.value());
    write(formula, values, scalars);
    formula.define(name);
    defined.insert(name);
  }
  return {name, inputs + std::string(scalar_count, 's'), {}, false};
}

}  // namespace optibridge::tensorflow_bridge
