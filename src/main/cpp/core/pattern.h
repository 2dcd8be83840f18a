// Fused instructions as types: a tree of opcodes over rows R<i> and scalars S<i>. From one such
// type come both the loop that computes it and the test whether a part of a program has that shape.
//
// Everything is in an unnamed namespace: this header is compiled for several instruction sets, and
// the linker must never take one's code for another's.
#pragma once

#include <cmath>
#include <cstdint>

#include "core/block_kernels.h"
#include "core/ob_core.h"

namespace optibridge {
namespace {

template <int I>
struct R {};
template <int I>
struct S {};
template <int Op, class A, class B = void>
struct Tree {};

constexpr bool is_unary(int op) { return op >= OB_NEGATE && op <= OB_RECIPROCAL; }
constexpr bool is_binary(int op) { return op >= OB_ADD && op <= OB_POWER; }

template <int Op, class T>
inline T unary(T x) {
  static_assert(is_unary(Op));
  if constexpr (Op == OB_NEGATE) return -x;
  if constexpr (Op == OB_ABS) return std::fabs(x);
  if constexpr (Op == OB_SQRT) return std::sqrt(x);
  if constexpr (Op == OB_SQUARE) return x * x;
  if constexpr (Op == OB_SIGN) return x > 0 ? T(1) : x < 0 ? T(-1) : x == 0 ? T(0) : x;
  if constexpr (Op == OB_RECIPROCAL) return T(1) / x;
}

template <int Op, class T>
inline T binary(T x, T y) {
  static_assert(is_binary(Op));
  if constexpr (Op == OB_ADD) return x + y;
  if constexpr (Op == OB_SUBTRACT) return x - y;
  if constexpr (Op == OB_MULTIPLY) return x * y;
  if constexpr (Op == OB_DIVIDE) return x / y;
  if constexpr (Op == OB_MINIMUM) return x != x ? x : y != y ? y : x < y ? x : y;
  if constexpr (Op == OB_MAXIMUM) return x != x ? x : y != y ? y : x > y ? x : y;
  if constexpr (Op == OB_POWER) return std::pow(x, y);
}

// ---- computing -------------------------------------------------------------------------------

template <class P>
struct Eval;

template <int I>
struct Eval<R<I>> {
  static constexpr int kRows = I + 1;
  template <class T>
  static T at(const Arguments<T>& a, int64_t i) {
    return a.row[I][i];
  }
};

template <int I>
struct Eval<S<I>> {
  static constexpr int kRows = 0;
  template <class T>
  static T at(const Arguments<T>& a, int64_t) {
    return a.scalar[I];
  }
};

template <int Op, class A>
struct Eval<Tree<Op, A>> {
  static constexpr int kRows = Eval<A>::kRows;
  template <class T>
  static T at(const Arguments<T>& a, int64_t i) {
    return unary<Op>(Eval<A>::at(a, i));
  }
};

template <int Op, class A, class B>
struct Eval<Tree<Op, A, B>> {
  static constexpr int kRows = Eval<A>::kRows > Eval<B>::kRows ? Eval<A>::kRows : Eval<B>::kRows;
  template <class T>
  static T at(const Arguments<T>& a, int64_t i) {
    return binary<Op>(Eval<A>::at(a, i), Eval<B>::at(a, i));
  }
};

// ---- the fused instructions ------------------------------------------------------------------

template <class A, class B>
using Add = Tree<OB_ADD, A, B>;
template <class A, class B>
using Sub = Tree<OB_SUBTRACT, A, B>;
template <class A, class B>
using Mul = Tree<OB_MULTIPLY, A, B>;
template <class A, class B>
using Div = Tree<OB_DIVIDE, A, B>;
template <class A>
using Sqrt = Tree<OB_SQRT, A>;
template <class A>
using Square = Tree<OB_SQUARE, A>;
template <class A>
using Sign = Tree<OB_SIGN, A>;

template <class... P>
struct List {
  static constexpr int kSize = sizeof...(P);
};

// m / (sqrt(v) + eps), plain and with both moments scaled.
using Ratio = Div<R<1>, Add<Sqrt<R<2>>, S<0>>>;
using ScaledRatio = Div<Mul<R<1>, S<0>>, Add<Sqrt<Mul<R<2>, S<1>>>, S<2>>>;
using HalfScaledRatio = Div<Mul<R<1>, S<0>>, Add<Sqrt<R<2>>, S<1>>>;

// Larger shapes first: the first that fits is taken.
using Patterns = List<
    // w + (step - decay w), where the step is a scaled ratio, and without the decay
    Add<R<0>, Sub<Mul<ScaledRatio, S<3>>, Mul<R<0>, S<4>>>>,
    Add<R<0>, Sub<Mul<HalfScaledRatio, S<2>>, Mul<R<0>, S<3>>>>,
    Add<R<0>, Sub<Mul<Ratio, S<1>>, Mul<R<0>, S<2>>>>, Add<R<0>, Mul<ScaledRatio, S<3>>>,
    Add<R<0>, Mul<HalfScaledRatio, S<2>>>, Add<R<0>, Mul<Ratio, S<1>>>,
    // the ratios by themselves
    Div<Mul<R<0>, S<0>>, Add<Sqrt<Mul<R<1>, S<1>>>, S<2>>>,
    Div<Mul<R<0>, S<0>>, Add<Sqrt<R<1>>, S<1>>>, Div<R<0>, Add<Sqrt<R<1>>, S<0>>>,
    // a pull towards other weights, scaled or not
    Mul<Add<R<0>, Mul<Sub<R<1>, R<2>>, S<0>>>, S<1>>, Add<R<0>, Mul<Sub<R<1>, R<2>>, S<0>>>,
    // Yogi's moments
    Sub<R<0>, Mul<Sign<Sub<R<0>, R<1>>>, Mul<R<1>, S<0>>>>,
    // averages
    Add<Mul<R<0>, S<0>>, Mul<Square<R<1>>, S<1>>>, Add<Mul<R<0>, S<0>>, Mul<R<1>, S<1>>>,
    // w + (step - decay w), scaled once or twice
    Add<R<0>, Sub<Mul<Mul<R<1>, S<0>>, S<1>>, Mul<R<0>, S<2>>>>,
    Add<R<0>, Sub<Mul<R<1>, S<0>>, Mul<R<0>, S<1>>>>, Add<R<0>, Mul<Mul<R<1>, S<0>>, S<1>>>,
    Add<R<0>, Mul<R<1>, S<0>>>, Sub<R<0>, Mul<R<1>, S<0>>>, Sub<Mul<R<0>, S<0>>, Mul<R<1>, S<1>>>,
    // three rows
    Add<R<0>, Sub<R<1>, R<2>>>, Sub<R<0>, Sub<R<1>, R<2>>>, Add<Sub<R<0>, R<1>>, R<2>>,
    Sub<Add<R<0>, R<1>>, R<2>>, Mul<Sub<R<0>, R<1>>, S<0>>, Mul<Add<R<0>, R<1>>, S<0>>,
    // others of two operations
    Add<R<0>, Square<R<1>>>, Add<R<0>, Mul<Sign<R<1>>, S<0>>>, Mul<Mul<R<0>, S<0>>, S<1>>,
    Tree<OB_MAXIMUM, R<0>, Mul<R<1>, S<0>>>, Mul<Square<R<0>>, S<0>>,
    Tree<OB_MAXIMUM, Tree<OB_MINIMUM, R<0>, S<0>>, S<1>>,
    // single operations
    Tree<OB_NEGATE, R<0>>, Tree<OB_ABS, R<0>>, Sqrt<R<0>>, Square<R<0>>, Sign<R<0>>,
    Tree<OB_RECIPROCAL, R<0>>, Add<R<0>, R<1>>, Add<R<0>, S<0>>, Sub<R<0>, R<1>>, Sub<R<0>, S<0>>,
    Sub<S<0>, R<0>>, Mul<R<0>, R<1>>, Mul<R<0>, S<0>>, Div<R<0>, R<1>>, Div<R<0>, S<0>>,
    Div<S<0>, R<0>>, Tree<OB_MINIMUM, R<0>, R<1>>, Tree<OB_MINIMUM, R<0>, S<0>>,
    Tree<OB_MAXIMUM, R<0>, R<1>>, Tree<OB_MAXIMUM, R<0>, S<0>>, Tree<OB_POWER, R<0>, R<1>>,
    Tree<OB_POWER, R<0>, S<0>>, Tree<OB_POWER, S<0>, R<0>>>;

// What can be summed without being written anywhere first.
using Summands = List<Add<R<0>, Mul<Sub<R<1>, R<2>>, S<0>>>, Add<R<0>, Mul<R<1>, S<0>>>,
                      Sub<R<0>, R<1>>, Mul<R<0>, R<1>>, Mul<R<0>, S<0>>, R<0>>;

static_assert(Patterns::kSize == kPatterns, "keep kPatterns in block_kernels.h in step");
static_assert(Summands::kSize == kSummands, "keep kSummands in block_kernels.h in step");

}  // namespace
}  // namespace optibridge
