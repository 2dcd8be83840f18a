// What is behind a handle of the C ABI: an algorithm and the variables that it steps.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/units.h"
#include "tensorflow/algorithm.h"
#include "tensorflow/imported.h"
#include "tensorflow/ob_tensorflow.h"
#include "tensorflow/variables.h"

namespace optibridge::tensorflow_bridge {

// The scalars of a step in one dtype, made anew only when they change.
struct Scalars {
  std::vector<double> values;
  std::vector<Handle> handles;

  void update(TF_DataType dtype, const std::vector<double>& next);
};

// One variable with all that a step of it takes.
struct Unit {
  const Variable* weights = nullptr;
  std::vector<const Variable*> slots;
  Handle gradient;
  Tensor staging;                // where a gradient is copied to at each step that can't be lent
  const void* source = nullptr;  // what is copied there
  std::string name;
  Call call;
  std::unique_ptr<Op> op;
  std::unique_ptr<PureStep> pure;  // in place of `op`
  bool checked = false;            // that it is stepped in place

  TF_DataType scalar_dtype() const { return call.is_pure ? TF_DOUBLE : weights->dtype(); }
  void run(const Scalars& scalars);
  // Throws if memory that is used by address has moved. A kernel that wrote in place once will do
  // so again.
  void check_in_place();
};

// A unit over variables of a fixed number of elements, into which rows are gathered.
struct Batch {
  Batch(const Algorithm& algorithm, size_t slots, TF_DataType dtype, int64_t elements);

  Variable weights;
  std::vector<std::unique_ptr<Variable>> slots;
  Tensor gradient;
  Unit unit;
};

}  // namespace optibridge::tensorflow_bridge

struct ob_tf_optimizer {
  using Algorithm = optibridge::tensorflow_bridge::Algorithm;

  explicit ob_tf_optimizer(std::unique_ptr<Algorithm> of);

  void bind(const ob_tf_variables& params, const std::vector<const ob_tf_variables*>& state,
            const ob_tensor* grads, int64_t tensors, const int64_t* positions);
  void step(double lr, int64_t step);
  // Steps the rows alone that have a gradient, for algorithms that leave the others as they are.
  void step_rows(const ob_tensor* params, const std::vector<const ob_tf_variables*>& state,
                 const ob_rows* gradients, int64_t tensors, double lr, int64_t step);

  std::unique_ptr<Algorithm> algorithm;
  std::vector<optibridge::tensorflow_bridge::SlotSpec> slots;
  std::string slots_text;

 private:
  class Gather;

  // Of a step of weights of one dtype, as scalars of another.
  optibridge::tensorflow_bridge::Scalars& scalars_for(TF_DataType dtype, TF_DataType scalars,
                                                      double lr, int64_t step);
  void make_pure(optibridge::tensorflow_bridge::Unit& unit, void* gradient);
  optibridge::tensorflow_bridge::Batch& batch(TF_DataType dtype, int64_t elements);

  std::vector<optibridge::tensorflow_bridge::Unit> units_;
  bool bound_ = false;
  // Lengths and shapes for which an imported step was tried.
  std::set<std::pair<TF_DataType, std::vector<int64_t>>> probed_;
  optibridge::tensorflow_bridge::Scalars scalars_[2];
  std::vector<optibridge::Units> rows_;
  std::vector<std::unique_ptr<optibridge::tensorflow_bridge::Batch>> batches_[2];
};
