// A line search for the strong Wolfe conditions, as torch.optim.LBFGS has it (Nocedal and Wright,
// "Numerical Optimization", 2nd ed., algorithms 3.5 and 3.6): it brackets a step size, then narrows
// the bracket by cubic interpolation. It asks for one evaluation at a time.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "torch/lbfgs_number.h"

namespace optibridge::torch_bridge {

class LineSearch {
 public:
  // What is known at one step size along the direction.
  struct Point {
    Number t;
    double loss = 0;
    Number slope;         // the derivative along the direction
    at::Tensor gradient;  // flat
  };

  // start: at step size 0; t: what to try first; largest: of the direction's elements, absolute;
  // most: evaluations after the first.
  LineSearch(Point start, Number t, Number largest, int64_t most)
      : start_(start), previous_(std::move(start)), t_(t), largest_(largest), most_(most) {}

  // Where to evaluate next.
  Number t() const { return t_; }
  // Takes what was found at t(). Returns whether another evaluation is wanted.
  bool tell(double loss, at::Tensor gradient, Number slope);

  int64_t evaluations() const { return evaluations_; }
  // The result.
  const Point& best() const { return ends_[low_]; }

 private:
  bool expand(const Point& now);
  bool narrow(const Point& now);
  bool try_inside();
  bool too_high(const Point& now) const;
  bool flat_enough(const Point& now) const;
  void bracket(const Point& first, const Point& second);
  void order();

  const Point start_;
  Point previous_;
  Point ends_[2];
  int low_ = 0;
  Number t_;
  const Number largest_;
  const int64_t most_;
  int64_t iterations_ = 0;
  int64_t evaluations_ = 0;
  bool narrowing_ = false;
  bool done_ = false;
  bool little_progress_ = false;
};

}  // namespace optibridge::torch_bridge
