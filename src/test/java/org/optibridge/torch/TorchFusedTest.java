package org.optibridge.torch;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.testing.RequiresTorch;
import org.optibridge.torch.TorchFixtures.Config;
import org.optibridge.vector.DType;
import org.optibridge.vector.Vector;

/**
 * Fused kernels against torch::optim's own steps. The bound, which docs/torch.md states: after each
 * of the steps weights differ by at most {@link #ULPS} units in the last place of the weight or of
 * all that was ever added to it, whichever is more.
 */
@RequiresTorch
class TorchFusedTest {
  private static final double ULPS = 8;
  private static final int STEPS = 6;

  /** Sizes around the widths of SIMD and an empty tensor. */
  private static final int[] SIZES = {1, 3, 63, 65, 0, 4097};

  /** With one that several threads share. */
  private static final int[] LARGE = {1, 0, 1_000_001};

  static List<Arguments> cases() {
    List<Arguments> all = new ArrayList<>();
    for (Config config : TorchFixtures.fusable()) {
      for (DType dtype : List.of(DType.FLOAT32, DType.FLOAT64)) {
        all.add(Arguments.of(config, dtype));
      }
    }
    return all;
  }

  @ParameterizedTest
  @MethodSource("cases")
  void fusedIsPlainButForTheLastBits(Config config, DType dtype) {
    double unit = dtype == DType.FLOAT32 ? Math.ulp(1f) : Math.ulp(1.0);
    // Squares of the largest and the smallest have to be there in float32.
    for (double scale : new double[] {1, 1e-15, 1e-6, 1e6, 1e15}) {
      int[] sizes = scale == 1 ? LARGE : SIZES;
      try (Optimizer fused = optimizer(config);
          Optimizer plain = optimizer(config.with("fused", false));
          Vector a = TorchFixtures.random(dtype, 1, sizes);
          Vector b = TorchFixtures.random(dtype, 1, sizes)) {
        double[] moved = new double[(int) a.spec().numel()];
        double[] before = b.flatten();
        for (int i = 0; i < STEPS; i++) {
          try (Vector gradients = gradients(dtype, 10 + i, sizes, scale)) {
            fused.step(a, gradients);
            plain.step(b, gradients);
          }
          double[] actual = a.flatten();
          double[] expected = b.flatten();
          double worst = 0;
          for (int j = 0; j < moved.length; j++) {
            moved[j] = Math.max(Math.max(moved[j], Math.abs(before[j])), Math.abs(expected[j]));
            double gap = Math.abs(actual[j] - expected[j]);
            if (gap > 0) {
              worst = Math.max(worst, gap / (unit * moved[j]));
            }
            assertThat(Double.isFinite(actual[j])).isTrue();
          }
          assertThat(worst).isLessThanOrEqualTo(ULPS);
          before = expected;
        }
      }
    }
  }

  private static Optimizer optimizer(Config config) {
    return Optimizer.builder().learningRate(0.01).module(config.make()).build();
  }

  /** Of one magnitude; one in eight is zero. */
  private static Vector gradients(DType dtype, long seed, int[] sizes, double scale) {
    Random random = new Random(seed);
    Vector gradients = TorchFixtures.random(dtype, seed, sizes);
    try (Vector mask = TorchFixtures.random(dtype, random.nextLong(), sizes)) {
      Vector kept = mask.minus(0.75).sign().minus(1).times(-0.5);
      gradients.assign(gradients.times(kept).times(scale));
    }
    return gradients;
  }
}
