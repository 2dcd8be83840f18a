// Fused instructions as types: a tree of opcodes over rows R<i> and scalars S<i>, or several trees
// in one loop, of which later ones use what earlier ones made as L<i>. From one such type come both
// the loop that computes it and the test whether a part of a program has that shape.
//
// Everything is in an unnamed namespace: this header is compiled for several instruction sets, and
// the linker must never take one's code for another's.
#pragma once

#include <cmath>
#include <cstdint>

#include "core/block_kernels.h"
#include "core/half.h"
#include "core/ob_core.h"

namespace optibridge {
namespace {

template <int I>
struct R {};
template <int I>
struct S {};
template <int I>
struct L {};
template <int Op, class A, class B = void>
struct Tree {};

// One value of a bundle; what is not kept is of no use to anybody else.
template <class P, bool Kept = true>
struct Step {
  using Value = P;
  static constexpr bool kKept = Kept;
};
template <class... Steps>
struct Bundle {
  static constexpr int kSteps = sizeof...(Steps);
};

constexpr bool is_unary(int op) { return op >= OB_NEGATE && op <= OB_RECIPROCAL; }
constexpr bool is_binary(int op) { return op >= OB_ADD && op <= OB_ROUND; }

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
  if constexpr (Op == OB_ROUND) return rounded(x, y);
}

// ---- computing -------------------------------------------------------------------------------

// at(a, l, i): element i, with l what earlier steps made of it.
template <class P>
struct Eval;

template <int I>
struct Eval<R<I>> {
  static constexpr int kCost = 1;
  template <class T>
  static T at(const Arguments<T>& a, const T*, int64_t i) {
    return a.row[I][i];
  }
};

template <int I>
struct Eval<S<I>> {
  static constexpr int kCost = 0;
  template <class T>
  static T at(const Arguments<T>& a, const T*, int64_t) {
    return a.scalar[I];
  }
};

template <int I>
struct Eval<L<I>> {
  static constexpr int kCost = 0;
  template <class T>
  static T at(const Arguments<T>&, const T* l, int64_t) {
    return l[I];
  }
};

// Roughly, in cycles: square roots and quotients take far longer than all else.
constexpr int cost_of(int op) {
  return op == OB_POWER ? 100 : op == OB_SQRT || op == OB_DIVIDE || op == OB_RECIPROCAL ? 10 : 1;
}

template <int Op, class A>
struct Eval<Tree<Op, A>> {
  static constexpr int kCost = cost_of(Op) + Eval<A>::kCost;
  template <class T>
  static T at(const Arguments<T>& a, const T* l, int64_t i) {
    return unary<Op>(Eval<A>::at(a, l, i));
  }
};

template <int Op, class A, class B>
struct Eval<Tree<Op, A, B>> {
  static constexpr int kCost = cost_of(Op) + Eval<A>::kCost + Eval<B>::kCost;
  template <class T>
  static T at(const Arguments<T>& a, const T* l, int64_t i) {
    return binary<Op>(Eval<A>::at(a, l, i), Eval<B>::at(a, l, i));
  }
};

// From step K on, of which the next to be kept goes to out[Out].
template <int K, int Out, class... Steps>
struct Run;

template <int K, int Out>
struct Run<K, Out> {
  static constexpr int kCost = 0;
  template <class T>
  static void at(const Arguments<T>&, T*, int64_t) {}
};

template <int K, int Out, class First, class... Rest>
struct Run<K, Out, First, Rest...> {
  using Next = Run<K + 1, Out + (First::kKept ? 1 : 0), Rest...>;
  static constexpr int kCost = Eval<typename First::Value>::kCost + Next::kCost;
  template <class T>
  static void at(const Arguments<T>& a, T* l, int64_t i) {
    l[K] = Eval<typename First::Value>::at(a, l, i);
    Next::at(a, l, i);
    // Written when all is read: an output may be an operand.
    if constexpr (First::kKept) a.out[Out][i] = l[K];
  }
};

template <class P>
struct Loop {
  static constexpr int kSteps = 1;
  using Body = Run<0, 0, Step<P>>;
};
template <class... Steps>
struct Loop<Bundle<Steps...>> {
  static constexpr int kSteps = sizeof...(Steps);
  using Body = Run<0, 0, Steps...>;
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

// Gradients: as they are, or scaled, pulled towards other weights, or both. They take up to R<2>
// and S<1>.
using Plain = R<0>;
using Scaled = Mul<R<0>, S<0>>;
using Pulled = Add<R<0>, Mul<Sub<R<1>, R<2>>, S<0>>>;
using PulledScaled = Mul<Pulled, S<1>>;

// Adam in one loop, from G, of which A rows and B scalars are taken: both moments and their ratio
// D, and, for weights W, the step with decay or without.
template <class W, int B>
struct Adam {
  using D = Div<Mul<L<1>, S<B + 4>>, Add<Sqrt<Mul<L<2>, S<B + 5>>>, S<B + 6>>>;
  using Applied = Add<W, Mul<D, S<B + 7>>>;
  using Decayed = Add<W, Sub<Mul<D, S<B + 7>>, Mul<W, S<B + 8>>>>;
};
template <class G, int A, int B, class Last>
using AdamBundle =
    Bundle<Step<G, false>, Step<Add<Mul<R<A>, S<B>>, Mul<L<0>, S<B + 1>>>>,
           Step<Add<Mul<R<A + 1>, S<B + 2>>, Mul<Square<L<0>>, S<B + 3>>>>, Step<Last>>;
// The same of a gradient that is in memory: R<0>.
template <class W>
struct PlainAdam {
  using D = Div<Mul<L<0>, S<4>>, Add<Sqrt<Mul<L<1>, S<5>>>, S<6>>>;
  using Applied = Add<W, Mul<D, S<7>>>;
  using Decayed = Add<W, Sub<Mul<D, S<7>>, Mul<W, S<8>>>>;
};
template <class Last>
using PlainAdamBundle = Bundle<Step<Add<Mul<R<1>, S<0>>, Mul<R<0>, S<1>>>>,
                               Step<Add<Mul<R<2>, S<2>>, Mul<Square<R<0>>, S<3>>>>, Step<Last>>;

// A moving average or a sum of gradients, and the step by it.
template <class Moment, int B>
using MomentumBundle = Bundle<Step<Moment>, Step<Add<R<2>, Mul<L<0>, S<B>>>>>;
template <class Moment, int B>
using MomentumDecayBundle =
    Bundle<Step<Moment>, Step<Add<R<2>, Sub<Mul<L<0>, S<B>>, Mul<R<2>, S<B + 1>>>>>>;
using Velocity = Add<Mul<R<1>, S<0>>, R<0>>;
using Average = Add<Mul<R<1>, S<0>>, Mul<R<0>, S<1>>>;

// Gradients over the root of a sum or an average of squares, and the step by that.
template <class Squares, int B>
using RootBundle =
    Bundle<Step<Squares>, Step<Add<R<2>, Mul<Div<R<0>, Add<Sqrt<L<0>>, S<B>>>, S<B + 1>>>>>;
using SumOfSquares = Add<R<1>, Square<R<0>>>;
using AverageOfSquares = Add<Mul<R<1>, S<0>>, Mul<Square<R<0>>, S<1>>>;

// Larger shapes first: the first that fits is taken.
using Patterns = List<
    AdamBundle<PulledScaled, 3, 2, Adam<R<1>, 2>::Decayed>,
    AdamBundle<PulledScaled, 3, 2, Adam<R<1>, 2>::Applied>,
    AdamBundle<PulledScaled, 3, 2, Adam<R<1>, 2>::D>,
    AdamBundle<Pulled, 3, 1, Adam<R<1>, 1>::Decayed>,
    AdamBundle<Pulled, 3, 1, Adam<R<1>, 1>::Applied>, AdamBundle<Pulled, 3, 1, Adam<R<1>, 1>::D>,
    AdamBundle<Scaled, 1, 1, Adam<R<3>, 1>::Decayed>,
    AdamBundle<Scaled, 1, 1, Adam<R<3>, 1>::Applied>, AdamBundle<Scaled, 1, 1, Adam<R<3>, 1>::D>,
    PlainAdamBundle<PlainAdam<R<3>>::Decayed>, PlainAdamBundle<PlainAdam<R<3>>::Applied>,
    PlainAdamBundle<PlainAdam<R<3>>::D>, MomentumDecayBundle<Velocity, 1>,
    MomentumDecayBundle<Average, 2>, MomentumBundle<Velocity, 1>, MomentumBundle<Average, 2>,
    RootBundle<AverageOfSquares, 2>, RootBundle<SumOfSquares, 0>,
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
    Tree<OB_POWER, R<0>, S<0>>, Tree<OB_POWER, S<0>, R<0>>, Tree<OB_ROUND, R<0>, S<0>>>;

// What can be summed without being written anywhere first.
using Summands = List<Add<R<0>, Mul<Sub<R<1>, R<2>>, S<0>>>, Add<R<0>, Mul<R<1>, S<0>>>,
                      Sub<R<0>, R<1>>, Mul<R<0>, R<1>>, Mul<R<0>, S<0>>, R<0>>;

static_assert(Patterns::kSize == kPatterns, "keep kPatterns in block_kernels.h in step");
static_assert(Summands::kSize == kSummands, "keep kSummands in block_kernels.h in step");

}  // namespace
}  // namespace optibridge
