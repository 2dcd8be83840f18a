package org.optibridge.testing;

import org.optibridge.vector.Vector;

/** Small vectors for tests. */
public final class Vectors {
  private Vectors() {}

  /** One float32 tensor, "w". */
  public static Vector w(float... values) {
    return Vector.builder().copy("w", values, values.length).build();
  }

  /** Two float32 tensors, "w" and "b", of equally many elements each. */
  public static Vector wb(float... values) {
    int half = values.length / 2;
    float[] w = new float[half];
    float[] b = new float[half];
    System.arraycopy(values, 0, w, 0, half);
    System.arraycopy(values, half, b, 0, half);
    return Vector.builder().copy("w", w, half).copy("b", b, half).build();
  }
}
