package org.optibridge.vector;

/**
 * Single numbers of the 16-bit types as bits, for arrays that come from or go to Java; elements in
 * native memory are converted natively, to the same bits (see {@code core/half.h}).
 */
final class HalfBits {
  private HalfBits() {}

  /** Exact; a NaN stays one. */
  static float widen(DType dtype, short bits) {
    int sign = (bits & 0x8000) << 16;
    int magnitude = bits & 0x7fff;
    if (dtype == DType.BFLOAT16) {
      return Float.intBitsToFloat(bits << 16);
    }
    if (magnitude >= 0x7c00) {
      int quiet = magnitude > 0x7c00 ? 0x400000 : 0;
      return Float.intBitsToFloat(sign | 0x7f800000 | quiet | ((magnitude & 0x3ff) << 13));
    }
    if (magnitude >= 0x400) {
      return Float.intBitsToFloat(sign | ((magnitude << 13) + (112 << 23)));
    }
    float subnormal = magnitude * 0x1p-24f;
    return sign == 0 ? subnormal : -subnormal;
  }

  /** To the nearest, ties to even, rounded once. */
  static short narrow(DType dtype, double value) {
    return narrow(dtype, toOdd(value));
  }

  /** To the nearest, ties to even. */
  static short narrow(DType dtype, float value) {
    int bits = Float.floatToRawIntBits(value);
    int magnitude = bits & 0x7fffffff;
    if (dtype == DType.BFLOAT16) {
      return magnitude > 0x7f800000
          ? (short) (bits >>> 16 | 0x40)
          : (short) ((bits + 0x7fff + (bits >>> 16 & 1)) >>> 16);
    }
    int sign = bits >>> 16 & 0x8000;
    if (magnitude > 0x7f800000) {
      return (short) (sign | 0x7e00 | (magnitude >> 13 & 0x3ff));
    }
    if (magnitude >= 0x47800000) {
      return (short) (sign | 0x7c00);
    }
    if (magnitude < 0x38800000) {
      // Multiples of 2^-24; adding 2^-1 leaves just those.
      float shifted = Float.intBitsToFloat(magnitude) + 0.5f;
      return (short) (sign | (Float.floatToRawIntBits(shifted) - Float.floatToRawIntBits(0.5f)));
    }
    int normal = magnitude - (112 << 23);
    return (short) (sign | ((normal + 0xfff + (normal >> 13 & 1)) >> 13));
  }

  /**
   * Cut off to float32, with the last bit set if anything is lost: rounding that to 16 bits is
   * rounding the number itself once.
   */
  private static float toOdd(double value) {
    float near = (float) value;
    if (near == value || Double.isNaN(value)) {
      return near;
    }
    int bits = Float.floatToRawIntBits(near);
    return Float.intBitsToFloat((Math.abs((double) near) > Math.abs(value) ? bits - 1 : bits) | 1);
  }
}
