package org.optibridge.contract;

import java.util.Random;
import org.optibridge.vector.DType;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorBuilder;

/** Vectors with random elements, the same for the same seed. */
final class Tensors {
  /** Names, shapes and dtypes. */
  enum Layout {
    FLOAT32(DType.FLOAT32, DType.FLOAT32),
    FLOAT64(DType.FLOAT64, DType.FLOAT64),
    BOTH(DType.FLOAT32, DType.FLOAT64);

    private final DType first;
    private final DType second;

    Layout(DType first, DType second) {
      this.first = first;
      this.second = second;
    }

    /** A matrix, a vector, a tensor without dimensions and one without elements. */
    Vector vector(long seed) {
      Random random = new Random(seed);
      VectorBuilder builder = Vector.builder();
      add(builder, random, "w", first, 2, 3);
      add(builder, random, "b", second, 5);
      add(builder, random, "s", first);
      add(builder, random, "z", second, 0, 3);
      return builder.build();
    }

    /** Large enough for several threads, with a tail that fills no block. */
    Vector large(long seed) {
      Random random = new Random(seed);
      VectorBuilder builder = Vector.builder();
      add(builder, random, "w", first, 450, 500);
      add(builder, random, "b", second, 1003);
      add(builder, random, "s", first);
      return builder.build();
    }
  }

  private Tensors() {}

  /** Adds a tensor of values between -1 and 1. */
  static void add(VectorBuilder builder, Random random, String name, DType dtype, long... shape) {
    int numel = 1;
    for (long extent : shape) {
      numel *= (int) extent;
    }
    double[] values = random.doubles(numel, -1, 1).toArray();
    if (dtype == DType.FLOAT64) {
      builder.copy(name, values, shape);
      return;
    }
    float[] narrow = new float[numel];
    for (int i = 0; i < numel; i++) {
      narrow[i] = (float) values[i];
    }
    builder.copy(name, narrow, shape);
  }
}
