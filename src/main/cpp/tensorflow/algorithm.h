// What an optimizer of Keras's does to one variable.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tensorflow/options.h"
#include "tensorflow/runtime.h"

namespace optibridge::tensorflow_bridge {

struct SlotSpec {
  enum Kind : int32_t {
    LIKE_PARAMETER = 0,
    WITHOUT_LAST = 1,    // the shape without its last extent; empty below two dimensions
    WITHOUT_OTHER = 2,   // the shape without the extent before the last; empty likewise
    WORKSPACE = 3,       // like the parameter, but written before it is read
    FROM_PARAMETER = 4,  // like the parameter, and starts as it
    UNFACTORED = 5,      // like the parameter below two dimensions, else empty
    OF_ADAM = 6,         // like the parameter where Muon leaves it to Adam, else empty
    SCALAR = 7           // of shape []
  };
  std::string name;
  Kind kind = LIKE_PARAMETER;
  double initial = 0;
};

// One call of a kernel, or of a function made of kernels.
struct Call {
  std::string op;
  // In the order of the op's inputs: 'w' the variable, '0' to '9' a slot, 'g' the gradient, 's' the
  // next scalar.
  std::string inputs;
  std::vector<std::pair<const char*, bool>> flags;
  bool is_kernel = true;
  // It changes nothing, takes tensors in place of variables and returns what the weights and slots
  // are to be; see imported.h. `inputs` is empty then.
  bool is_pure = false;
};

class Algorithm {
 public:
  virtual ~Algorithm() = default;
  virtual std::vector<SlotSpec> slots() const = 0;
  // Whether each element's step depends on that element only.
  virtual bool elementwise() const { return true; }
  // Whether a row without a gradient stays as it is, with all its state.
  virtual bool rows_are_enough() const { return false; }
  virtual Call call(TF_DataType dtype, size_t rank) const = 0;
  // The same where a step depends on more: the shape of a parameter and those of its slots.
  using Shape = std::vector<int64_t>;
  virtual Call call_for(TF_DataType dtype, const Shape& shape, const std::vector<Shape>&) const {
    return call(dtype, shape.size());
  }
  // The scalars of a step, in the order of the call's inputs. Rounded to the dtype afterwards.
  // step: from 1.
  virtual std::vector<double> scalars(TF_DataType dtype, double lr, int64_t step) = 0;
};

// Throws std::invalid_argument for an unknown class.
std::unique_ptr<Algorithm> make_algorithm(const Options& options);
std::unique_ptr<Algorithm> make_kernel(const Options& options);    // null if it has none
std::unique_ptr<Algorithm> make_formula(const Options& options);   // likewise
std::unique_ptr<Algorithm> make_muon(const Options& options);      // likewise
std::unique_ptr<Algorithm> make_imported(const Options& options);  // likewise

}  // namespace optibridge::tensorflow_bridge
