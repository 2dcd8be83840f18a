package org.optibridge.vector;

/** Node kinds of a sweep; codes are those of {@code enum ob_op} in {@code core/ob_core.h}. */
enum Op {
  LOAD(0),
  CONSTANT(1),
  CONSTANT_EACH(2),
  NOISE_GAUSSIAN(3),
  NOISE_LAPLACE(4),
  NEGATE(10),
  ABS(11),
  SQRT(12),
  SQUARE(13),
  SIGN(14),
  RECIPROCAL(15),
  ADD(20),
  SUBTRACT(21),
  MULTIPLY(22),
  DIVIDE(23),
  MINIMUM(24),
  MAXIMUM(25),
  POWER(26),
  ROUND(27),
  SUM_EACH(30),
  SUM_ALL(31),
  SUM_SQUARES_EACH(32),
  SUM_SQUARES_ALL(33),
  NONFINITE_ALL(34),
  CALL(35),
  STORE(40),
  RESULT(41);

  final int code;

  Op(int code) {
    this.code = code;
  }
}
