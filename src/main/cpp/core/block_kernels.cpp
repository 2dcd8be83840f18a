// Compiled once per instruction set, with OB_KERNELS naming the table to define. No fused
// multiply-add and no reordering of sums (see the flags in CMakeLists.txt), so that every
// instruction set gives the same bits.
#include "core/block_kernels.h"

#include <cmath>

#include "core/ob_core.h"

namespace optibridge {
namespace {

template <class T>
struct Negate {
  T operator()(T x) const { return -x; }
};
template <class T>
struct Abs {
  T operator()(T x) const { return std::fabs(x); }
};
template <class T>
struct Sqrt {
  T operator()(T x) const { return std::sqrt(x); }
};
template <class T>
struct Square {
  T operator()(T x) const { return x * x; }
};
template <class T>
struct Sign {
  T operator()(T x) const { return x > 0 ? T(1) : x < 0 ? T(-1) : x == 0 ? T(0) : x; }
};
template <class T>
struct Reciprocal {
  T operator()(T x) const { return T(1) / x; }
};
template <class T>
struct Minimum {
  T operator()(T x, T y) const { return x != x ? x : y != y ? y : x < y ? x : y; }
};
template <class T>
struct Maximum {
  T operator()(T x, T y) const { return x != x ? x : y != y ? y : x > y ? x : y; }
};
template <class T>
struct Power {
  T operator()(T x, T y) const { return std::pow(x, y); }
};
template <class T>
struct Add {
  T operator()(T x, T y) const { return x + y; }
};
template <class T>
struct Subtract {
  T operator()(T x, T y) const { return x - y; }
};
template <class T>
struct Multiply {
  T operator()(T x, T y) const { return x * y; }
};
template <class T>
struct Divide {
  T operator()(T x, T y) const { return x / y; }
};

// Rows may be the same memory (in place) but never overlap otherwise.
template <class F, class T>
void map(F f, T* out, const T* in, int64_t n) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; i++) {
    out[i] = f(in[i]);
  }
}

template <class F, class T>
void zip(F f, T* out, Operand<T> a, Operand<T> b, int64_t n) {
  const T* x = a.row;
  const T* y = b.row;
  if (x != nullptr && y != nullptr) {
#pragma GCC ivdep
    for (int64_t i = 0; i < n; i++) {
      out[i] = f(x[i], y[i]);
    }
  } else if (x != nullptr) {
    const T s = b.scalar;
#pragma GCC ivdep
    for (int64_t i = 0; i < n; i++) {
      out[i] = f(x[i], s);
    }
  } else if (y != nullptr) {
    const T s = a.scalar;
#pragma GCC ivdep
    for (int64_t i = 0; i < n; i++) {
      out[i] = f(s, y[i]);
    }
  } else {
    const T value = f(a.scalar, b.scalar);
    for (int64_t i = 0; i < n; i++) {
      out[i] = value;
    }
  }
}

template <class T>
void unary(int op, T* out, const T* in, int64_t n) {
  switch (op) {
    case OB_NEGATE:
      return map(Negate<T>(), out, in, n);
    case OB_ABS:
      return map(Abs<T>(), out, in, n);
    case OB_SQRT:
      return map(Sqrt<T>(), out, in, n);
    case OB_SQUARE:
      return map(Square<T>(), out, in, n);
    case OB_SIGN:
      return map(Sign<T>(), out, in, n);
    case OB_RECIPROCAL:
      return map(Reciprocal<T>(), out, in, n);
    default:
      break;
  }
}

template <class T>
void binary(int op, T* out, Operand<T> a, Operand<T> b, int64_t n) {
  switch (op) {
    case OB_ADD:
      return zip(Add<T>(), out, a, b, n);
    case OB_SUBTRACT:
      return zip(Subtract<T>(), out, a, b, n);
    case OB_MULTIPLY:
      return zip(Multiply<T>(), out, a, b, n);
    case OB_DIVIDE:
      return zip(Divide<T>(), out, a, b, n);
    case OB_MINIMUM:
      return zip(Minimum<T>(), out, a, b, n);
    case OB_MAXIMUM:
      return zip(Maximum<T>(), out, a, b, n);
    case OB_POWER:
      return zip(Power<T>(), out, a, b, n);
    default:
      break;
  }
}

// Sixteen fixed lanes: enough to hide the latency of an addition at any width, and an order of
// summation that is the same for all instruction sets.
template <class F, class T>
double lanes(F f, const T* in, int64_t n) {
  constexpr int kLanes = 16;
  double lane[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int k = 0; k < kLanes; k++) {
      lane[k] += f(static_cast<double>(in[i + k]));
    }
  }
  for (int k = 0; i < n; i++, k++) {
    lane[k] += f(static_cast<double>(in[i]));
  }
  double total = 0;
  for (double value : lane) {
    total += value;
  }
  return total;
}

template <class T>
double sum(const T* in, int64_t n) {
  return lanes([](double x) { return x; }, in, n);
}

template <class T>
double sum_squares(const T* in, int64_t n) {
  return lanes([](double x) { return x * x; }, in, n);
}

void floor_adam(float* p, const float* g, float* m, float* v, int64_t n) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; i++) {
    const float moment = m[i] + g[i];
    const float second = v[i] + g[i];
    p[i] = p[i] - moment;
    m[i] = moment;
    v[i] = second;
  }
}

template <class T>
BlockKernels<T> table() {
  return {unary<T>, binary<T>, sum<T>, sum_squares<T>};
}

}  // namespace

#define OB_TEXT_(x) #x
#define OB_TEXT(x) OB_TEXT_(x)
#define OB_JOIN_(a, b) a##b
#define OB_JOIN(a, b) OB_JOIN_(a, b)

const KernelTable& OB_JOIN(kernels_, OB_KERNELS)() {
  static const KernelTable kTable{OB_TEXT(OB_KERNELS), table<float>(), table<double>(), floor_adam};
  return kTable;
}

}  // namespace optibridge
