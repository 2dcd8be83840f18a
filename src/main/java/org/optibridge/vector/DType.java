package org.optibridge.vector;

import java.util.Arrays;

/**
 * Element type of a tensor. Labels are those of numpy and torch.
 *
 * <p>The 16-bit types are for storage. Arithmetic is done in {@link #FLOAT32} and {@link #FLOAT64};
 * {@link Vector#to(DType)} converts, in the sweep that reads or writes the memory.
 */
public enum DType {
  /** IEEE 754 single precision. */
  FLOAT32("float32", 4, 0),
  /** IEEE 754 double precision. */
  FLOAT64("float64", 8, 1),
  /** IEEE 754 half precision: 11 bits of precision, up to 65,504. */
  FLOAT16("float16", 2, 2),
  /** The upper half of a {@link #FLOAT32}: 8 bits of precision, and its range. */
  BFLOAT16("bfloat16", 2, 3);

  private final String label;
  private final int bytes;
  private final int code;

  DType(String label, int bytes, int code) {
    this.label = label;
    this.bytes = bytes;
    this.code = code;
  }

  /**
   * @return {@code "float32"}, {@code "float64"}, {@code "float16"} or {@code "bfloat16"}
   */
  public String label() {
    return label;
  }

  /** Returns bytes of one element. */
  public int bytes() {
    return bytes;
  }

  /**
   * @param label as {@link #label()} returns it
   * @return the type
   * @throws IllegalArgumentException if there is none of that name
   */
  public static DType of(String label) {
    for (DType dtype : values()) {
      if (dtype.label.equals(label)) {
        return dtype;
      }
    }
    throw new IllegalArgumentException(
        "Unknown dtype '"
            + label
            + "'; known: "
            + Arrays.stream(values()).map(DType::label).toList());
  }

  /** Returns the type that arithmetic on elements of this one is done in. */
  public DType computed() {
    return isHalf() ? FLOAT32 : this;
  }

  boolean isHalf() {
    return bytes == 2;
  }

  /**
   * @param value any number
   * @return the nearest number of this type, of two equally near the one whose last bit is 0;
   *     infinite if it is too large
   */
  public double round(double value) {
    return switch (this) {
      case FLOAT64 -> value;
      case FLOAT32 -> (float) value;
      default -> HalfBits.widen(this, HalfBits.narrow(this, value));
    };
  }

  /** The value of {@code enum ob_dtype}. */
  int code() {
    return code;
  }

  @Override
  public String toString() {
    return label;
  }
}
