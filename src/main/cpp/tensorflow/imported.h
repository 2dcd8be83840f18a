// Steps that were exported from Python: functions of tensors that change nothing.
//
// Why not functions of variables, like our own formulas: such a function must be trusted to assign
// only where no value read from the variable is left over, else TensorFlow moves the variable's
// memory, and to touch no variable but its own. A function of tensors reads memory where it is and
// can't write to it; that its results are copied there costs little, since steps that go element by
// element are done in pieces that stay in cache.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tensorflow/algorithm.h"
#include "tensorflow/variables.h"

namespace optibridge::tensorflow_bridge {

// The step of one variable and its slots.
class PureStep {
 public:
  // gradient: aligned; it, the variable and the slots outlive this.
  PureStep(const Algorithm& algorithm, const Call& call, const Variable& weights,
           const std::vector<const Variable*>& slots, void* gradient);

  // Takes the step. scalars: step, learning rate and options, float64.
  void run(const std::vector<Handle>& scalars, const std::string& tensor);
  // Takes the first piece of it and forgets what comes out, to see whether it is what it should be.
  void probe(const std::vector<Handle>& scalars, const std::string& tensor);
  int64_t numel() const { return pieces_.empty() ? 0 : pieces_.front().numel; }

 private:
  struct Place {
    char* data;
    size_t bytes;
    std::vector<int64_t> shape;
    Handle view;
  };
  struct Piece {
    int64_t numel;
    Handle gradient;
    std::vector<Place> places;  // the weights, then the slots
  };

  Place place(const Variable& variable, int64_t first, int64_t numel, bool is_scalar) const;
  std::vector<Handle> execute(const Piece& piece, const std::vector<Handle>& scalars,
                              const std::string& tensor);
  void check(const Piece& piece, const std::vector<Handle>& results, const std::string& tensor);

  std::string program_;
  TF_DataType dtype_;
  bool flat_;
  std::vector<Piece> pieces_;
  std::vector<std::string> names_;  // of the places
  std::unique_ptr<Op> op_;
};

}  // namespace optibridge::tensorflow_bridge
