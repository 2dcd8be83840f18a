// A function of TensorFlow, made of graph operations, that steps one variable as a unit.
#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "tensorflow/algorithm.h"
#include "tensorflow/runtime.h"

namespace optibridge::tensorflow_bridge {

// Builds the graph. Assignments change variables in place and happen in the order written: each
// waits for everything written before it, so that no value read from a variable is left over when
// the variable is assigned to (TensorFlow would move the variable to new memory).
class Formula {
 public:
  struct Value {
    TF_Output output;
    Formula* formula;
  };

  explicit Formula(TF_DataType dtype) : dtype_(dtype), graph_(TF_NewGraph()) {}
  ~Formula() { TF_DeleteGraph(graph_); }
  Formula(const Formula&) = delete;
  Formula& operator=(const Formula&) = delete;

  // Inputs of the function, in order.
  Value variable() { return argument(TF_RESOURCE); }
  Value value() { return argument(dtype_); }

  Value read(Value variable);
  void add(Value variable, Value amount) { assign("AssignAddVariableOp", {variable, amount}); }
  void subtract(Value variable, Value amount) { assign("AssignSubVariableOp", {variable, amount}); }
  // Any operation that changes variables in place, such as a kernel of another optimizer.
  void assign(const char* type, std::initializer_list<Value> inputs,
              std::initializer_list<std::pair<const char*, bool>> flags = {});

  Value constant(double value);
  Value op(const char* type, std::initializer_list<Value> inputs);
  // Over some axes, each from 0.
  Value reduce(const char* type, Value of, const std::vector<int32_t>& axes, bool keep);
  Value expand(Value of, int32_t axis);
  Value transpose(Value matrix);
  // Of matrices.
  Value product(Value a, Value b, bool transpose_b = false);
  // The largest extent, as a number of the formula's dtype.
  Value largest_extent(Value of);

  // Makes the function known to the context.
  void define(const std::string& name);

 private:
  Value argument(TF_DataType dtype);
  Value integers(const std::vector<int32_t>& values, bool scalar);
  TF_OperationDescription* start(const char* type);
  TF_Operation* finish(TF_OperationDescription* description);

  TF_DataType dtype_;
  TF_Graph* graph_;
  Status status_;
  int64_t operations_ = 0;
  std::vector<TF_Output> arguments_;
  std::vector<TF_Operation*> since_;  // operations since the last assignment
  std::vector<TF_Operation*> assignments_;
};

using Value = Formula::Value;
using Values = std::vector<Value>;

// A call of the function of that name, which is made at the first. inputs: as in a Call, without
// scalars, of which that many come last.
Call call_of(
    const std::string& name, TF_DataType dtype, const std::string& inputs, size_t scalar_count,
    const std::function<void(Formula&, const Values& inputs, const Values& scalars)>& write);

inline Value operator+(Value a, Value b) { return a.formula->op("AddV2", {a, b}); }
inline Value operator-(Value a, Value b) { return a.formula->op("Sub", {a, b}); }
inline Value operator*(Value a, Value b) { return a.formula->op("Mul", {a, b}); }
inline Value operator/(Value a, Value b) { return a.formula->op("RealDiv", {a, b}); }
inline Value sqrt(Value a) { return a.formula->op("Sqrt", {a}); }
inline Value square(Value a) { return a.formula->op("Square", {a}); }
inline Value sign(Value a) { return a.formula->op("Sign", {a}); }
inline Value maximum(Value a, Value b) { return a.formula->op("Maximum", {a, b}); }

}  // namespace optibridge::tensorflow_bridge
