package org.optibridge.testing;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import java.util.function.Supplier;
import org.optibridge.optimizer.GradientScaler;
import org.optibridge.optimizer.MixedPrecision;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.StateValues;
import org.optibridge.vector.DType;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorBuilder;

/** Mixed precision written out: float32 weights stepped by float32 gradients, then rounded. */
public final class MixedReference {
  private static final int STEPS = 4;

  private MixedReference() {}

  /** Tensors w0, w1, … of random elements that the type holds. */
  public static Vector random(DType dtype, long seed, int... sizes) {
    Random random = new Random(seed);
    VectorBuilder builder = Vector.builder();
    for (int i = 0; i < sizes.length; i++) {
      double[] values = random.doubles(sizes[i], -1, 1).toArray();
      builder.copy("w" + i, dtype, values, sizes[i]);
    }
    return builder.build();
  }

  /** Trains both ways, with gradients scaled or not, and compares every bit after each step. */
  public static void agrees(
      Supplier<Optimizer> pipeline, DType weightType, DType gradientType, int... sizes) {
    for (boolean scaled : new boolean[] {false, true}) {
      GradientScaler scaler = new GradientScaler(1024, 2, 0.5, 2000);
      try (MixedPrecision mixed = new MixedPrecision(pipeline.get());
          Optimizer plain = pipeline.get();
          Vector weights = random(weightType, 1, sizes);
          Vector master = weights.to(DType.FLOAT32).materialize()) {
        for (int step = 0; step < STEPS; step++) {
          try (Vector gradients = random(gradientType, 10 + step, sizes);
              Vector single = gradients.to(DType.FLOAT32).materialize();
              Vector large = single.times(scaler.scale()).to(gradientType).materialize()) {
            // An expression, so that fused kernels run block by block, with the same last bits.
            boolean expected = plain.step(master, single.times(1));
            boolean stepped =
                scaled ? scaler.step(mixed, weights, large) : mixed.step(weights, gradients);
            scaler.update(scaler.scale());
            assertThat(stepped).isEqualTo(expected);
            String at = "step " + step + (scaled ? ", scaled" : "");
            assertThat(mixed.masterWeights().flatten()).as(at).isEqualTo(master.flatten());
            assertThat(weights.flatten()).as(at).isEqualTo(master.to(weightType).flatten());
          }
        }
        assertThat(StateValues.of(mixed.optimizer())).isEqualTo(StateValues.of(plain));
      }
    }
  }
}
