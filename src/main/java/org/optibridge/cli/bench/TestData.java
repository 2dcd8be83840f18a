package org.optibridge.cli.bench;

import java.nio.FloatBuffer;
import java.util.SplittableRandom;
import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.Vector;

/**
 * The same numbers for every contestant. Magnitudes are such that neither they nor the moments that
 * arise from them get denormal; and gradients are larger than what FedProx adds to them, so that
 * they keep their signs however long a contestant runs.
 */
final class TestData {
  private static final int WEIGHTS = 1;
  private static final int GRADIENTS = 2;

  private final SplittableRandom random;
  private final float least;
  private final float range;

  private TestData(int seed, float least, float range) {
    this.random = new SplittableRandom(seed);
    this.least = least;
    this.range = range;
  }

  /** Magnitudes from 0.005 to 0.055. */
  static TestData weights() {
    return new TestData(WEIGHTS, 5e-3f, 5e-2f);
  }

  /** Magnitudes from 0.002 to 0.012. */
  static TestData gradients() {
    return new TestData(GRADIENTS, 2e-3f, 1e-2f);
  }

  /** The next element. */
  float next() {
    int bits = random.nextInt();
    float magnitude = least + range * ((bits >>> 8) * 0x1p-24f);
    return (bits & 1) == 0 ? magnitude : -magnitude;
  }

  /** Fills all tensors in their order. */
  void fill(Vector vector) {
    for (TensorSpec tensor : vector.spec().tensors()) {
      FloatBuffer buffer = vector.floatBuffer(tensor.name());
      int count = buffer.capacity();
      for (int i = 0; i < count; i++) {
        buffer.put(i, next());
      }
    }
  }
}
