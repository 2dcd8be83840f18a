// Numbers as Python's LBFGS computes with them: some are Python's own, in double precision, others
// are tensors of one element, in the dtype of the weights. Which of both a number is decides how
// the next operation rounds, and a line search amplifies the last bit.
#pragma once

#include <algorithm>
#include <cmath>

namespace optibridge::torch_bridge {

class Number {
 public:
  enum Kind { PLAIN, FLOAT, DOUBLE };  // PLAIN is Python's own

  Number(double value = 0, Kind kind = PLAIN)
      : value_(kind == FLOAT ? static_cast<float>(value) : value), kind_(kind) {}

  double value() const { return value_; }
  bool is_nan() const { return std::isnan(value_); }

  friend Number operator+(Number a, Number b) {
    return apply(a, b, [](auto x, auto y) { return x + y; });
  }
  friend Number operator-(Number a, Number b) {
    return apply(a, b, [](auto x, auto y) { return x - y; });
  }
  friend Number operator*(Number a, Number b) {
    return apply(a, b, [](auto x, auto y) { return x * y; });
  }
  // torch divides a number by a tensor as the tensor's reciprocal times the number.
  friend Number operator/(Number a, Number b) {
    if (a.kind_ == PLAIN && b.kind_ != PLAIN) {
      return apply(a, b, [](auto x, auto y) { return (1 / y) * x; });
    }
    return apply(a, b, [](auto x, auto y) { return x / y; });
  }
  friend Number operator-(Number a) { return {-a.value_, a.kind_}; }

  friend bool operator<(Number a, Number b) {
    return compare(a, b, [](auto x, auto y) { return x < y; });
  }
  friend bool operator<=(Number a, Number b) {
    return compare(a, b, [](auto x, auto y) { return x <= y; });
  }
  friend bool operator>(Number a, Number b) { return b < a; }
  friend bool operator>=(Number a, Number b) { return b <= a; }

  friend Number abs(Number a) { return {std::abs(a.value_), a.kind_}; }
  friend Number sqrt(Number a) {
    return a.kind_ == FLOAT ? Number(std::sqrt(static_cast<float>(a.value_)), FLOAT)
                            : Number(std::sqrt(a.value_), a.kind_);
  }
  // Python's, which keep the first unless the second is beyond it.
  friend Number smaller(Number a, Number b) { return b < a ? b : a; }
  friend Number larger(Number a, Number b) { return b > a ? b : a; }

 private:
  template <class Op>
  static Number apply(Number a, Number b, Op op) {
    if (a.kind_ == FLOAT || b.kind_ == FLOAT) {
      return {op(static_cast<float>(a.value_), static_cast<float>(b.value_)), FLOAT};
    }
    return {op(a.value_, b.value_), std::max(a.kind_, b.kind_)};
  }

  template <class Op>
  static bool compare(Number a, Number b, Op op) {
    if (a.kind_ == FLOAT || b.kind_ == FLOAT) {
      return op(static_cast<float>(a.value_), static_cast<float>(b.value_));
    }
    return op(a.value_, b.value_);
  }

  double value_;
  Kind kind_;
};

}  // namespace optibridge::torch_bridge
