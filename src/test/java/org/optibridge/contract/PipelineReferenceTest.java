package org.optibridge.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.optibridge.modules.Adam;
import org.optibridge.modules.L2GlobalClipping;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.regularizers.FedProx;
import org.optibridge.testing.NoLeaks;
import org.optibridge.vector.DType;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorBuilder;

/** FedProx, clipping, Adam and decay as one pipeline, against loops over doubles. */
@ExtendWith(NoLeaks.class)
class PipelineReferenceTest {
  private static final double RATE = 0.05;
  private static final double DECAY = 0.01;
  private static final double ALPHA = 0.3;
  private static final double MAX_NORM = 2;
  private static final double BETA_1 = 0.8;
  private static final double BETA_2 = 0.95;
  private static final double EPS = 1e-6;

  // Below, at and above the sizes at which the engine changes its ways: registers, blocks, threads.
  private static final int[] SIZES = {1, 3, 8, 17, 255, 1024, 4097, 0, 150_000};

  /** The same pipeline as loops. */
  private static final class Reference {
    private final double[] w;
    private final double[] start;
    private final double[] m;
    private final double[] v;
    private boolean newRound = true;
    private int t;

    Reference(double[] w) {
      this.w = w.clone();
      this.start = new double[w.length];
      this.m = new double[w.length];
      this.v = new double[w.length];
    }

    void step(double[] gradients) {
      double[] g = gradients.clone();
      double squares = 0;
      for (int i = 0; i < g.length; i++) {
        if (newRound) {
          start[i] = w[i];
        }
        g[i] += ALPHA * (w[i] - start[i]);
        squares += g[i] * g[i];
      }
      newRound = false;
      double factor = Math.min(1, MAX_NORM / Math.sqrt(squares));
      t++;
      for (int i = 0; i < g.length; i++) {
        double clipped = g[i] * factor;
        m[i] = BETA_1 * m[i] + (1 - BETA_1) * clipped;
        v[i] = BETA_2 * v[i] + (1 - BETA_2) * clipped * clipped;
        double mHat = m[i] / (1 - Math.pow(BETA_1, t));
        double vHat = v[i] / (1 - Math.pow(BETA_2, t));
        w[i] -= RATE * mHat / (Math.sqrt(vHat) + EPS) + DECAY * w[i];
      }
    }
  }

  private static Vector random(DType dtype, long seed) {
    Random random = new Random(seed);
    VectorBuilder builder = Vector.builder();
    for (int i = 0; i < SIZES.length; i++) {
      Tensors.add(builder, random, "w" + i, dtype, SIZES[i]);
    }
    Tensors.add(builder, random, "scalar", dtype);
    return builder.build();
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"FLOAT32", "FLOAT64"})
  void pipelineGivesWhatLoopsGive(DType dtype) {
    // Adam divides by small numbers, so that roundings of the gradients grow.
    double tolerance = dtype == DType.FLOAT64 ? 1e-11 : 2e-4;
    try (Optimizer optimizer =
            Optimizer.builder()
                .learningRate(RATE)
                .weightDecay(DECAY)
                .regularizer(new FedProx(ALPHA))
                .module(new L2GlobalClipping(MAX_NORM))
                .module(new Adam(BETA_1, BETA_2, false, EPS, false))
                .build();
        Vector params = random(dtype, 1)) {
      Reference reference = new Reference(params.flatten());
      double furthest = 0;
      for (int step = 0; step < 8; step++) {
        if (step % 4 == 0) {
          optimizer.startRound();
          reference.newRound = true;
        }
        try (Vector gradients = random(dtype, 10 + step)) {
          assertThat(optimizer.step(params, gradients)).isTrue();
          reference.step(gradients.flatten());
        }
        double[] actual = params.flatten();
        for (int i = 0; i < actual.length; i++) {
          furthest = Math.max(furthest, Math.abs(actual[i] - reference.w[i]));
        }
        assertThat(furthest).as("after step %d", step).isLessThan(tolerance);
      }
      assertThat(params.toDoubles("scalar")[0])
          .isCloseTo(reference.w[reference.w.length - 1], within(tolerance));
    }
  }
}
