package org.optibridge.vector;

import java.util.Arrays;

/** Element type of a tensor. Labels are those of numpy and torch. */
public enum DType {
  /** IEEE 754 single precision. */
  FLOAT32("float32", 4, 0),
  /** IEEE 754 double precision. */
  FLOAT64("float64", 8, 1);

  private final String label;
  private final int bytes;
  private final int code;

  DType(String label, int bytes, int code) {
    this.label = label;
    this.bytes = bytes;
    this.code = code;
  }

  /**
   * @return {@code "float32"} or {@code "float64"}
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

  /** The value of {@code enum ob_dtype}. */
  int code() {
    return code;
  }

  @Override
  public String toString() {
    return label;
  }
}
