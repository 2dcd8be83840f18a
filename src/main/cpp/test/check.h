// The checks of the C++ tests. A test ends with `return ob_test::result();`.
#pragma once

#include <cmath>
#include <cstdio>

namespace ob_test {

inline int failures = 0;

inline void fail(const char* file, int line, const char* text) {
  ++failures;
  std::printf("%s:%d: %s\n", file, line, text);
}

inline void near(const char* file, int line, const char* text, double a, double b, double tol) {
  if (std::fabs(a - b) <= tol) return;
  fail(file, line, text);
  std::printf("  %.17g and %.17g differ by more than %g\n", a, b, tol);
}

inline int result() {
  if (failures > 0) std::printf("%d checks failed\n", failures);
  return failures > 0 ? 1 : 0;
}

}  // namespace ob_test

#define CHECK(cond) ((cond) ? (void)0 : ob_test::fail(__FILE__, __LINE__, #cond))
#define CHECK_NEAR(a, b, tol) ob_test::near(__FILE__, __LINE__, #a ", " #b, (a), (b), (tol))
