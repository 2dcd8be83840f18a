package org.optibridge.vector;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.optibridge.memory.CoreLibrary;
import org.optibridge.memory.NativeStatus;

/** Noise inside sweeps, against the generator called directly. */
class NoiseTest {
  private static final long SEED = -5;
  private static final long DRAW = Long.MIN_VALUE + 3;

  @AfterEach
  void allThreads() {
    CoreLibrary.ob_set_threads(0);
  }

  private static Vector zeros(DType dtype) {
    return Vector.builder()
        .allocate("large", dtype, 300_001)
        .allocate("empty", dtype, 0)
        .allocate("scalar", dtype)
        .allocate("odd", dtype, 7, 19)
        .build();
  }

  private static Noise noise(Op kind, double scale) {
    NoiseKey key = NoiseKey.ofSeed(SEED);
    return kind == Op.NOISE_LAPLACE
        ? Noise.laplace(key, DRAW, scale)
        : Noise.gaussian(key, DRAW, scale);
  }

  /** The same noise, of scale 1, from the generator itself. */
  private static Vector direct(Op kind, DType dtype) {
    Vector out = zeros(dtype);
    long[] key = {SEED, 0, 0, 0};
    for (int i = 0; i < out.spec().size(); i++) {
      TensorSpec tensor = out.spec().tensors().get(i);
      NativeStatus.check(
          CoreLibrary.ob_fill_noise(
              kind.code,
              key,
              DRAW,
              i,
              0,
              tensor.numel(),
              dtype.code(),
              out.address(tensor.name())));
    }
    return out;
  }

  @ParameterizedTest
  @EnumSource(names = {"NOISE_GAUSSIAN", "NOISE_LAPLACE"})
  void sweepsAddTheGeneratorsNoiseWithAnyNumberOfThreads(Op kind) {
    for (DType dtype : List.of(DType.FLOAT32, DType.FLOAT64)) {
      try (Vector gradients = zeros(dtype);
          Vector expected = direct(kind, dtype)) {
        gradients.fill(0.75);
        double[] wanted = expected.times(0.1).plus(gradients).flatten();
        for (int threads : new int[] {1, 2, 3, 7}) {
          CoreLibrary.ob_set_threads(threads);
          assertThat(gradients.plus(noise(kind, 0.1)).flatten()).isEqualTo(wanted);
        }
      }
    }
  }

  @Test
  void anExpressionHasOneValue() {
    try (Vector gradients = zeros(DType.FLOAT64)) {
      Vector noisy = gradients.plus(noise(Op.NOISE_GAUSSIAN, 2));
      // Computed twice in one program: for the norm and for the quotient.
      try (Vector unit = noisy.dividedBy(noisy.norm()).materialize();
          Vector stored = noisy.materialize()) {
        double norm = stored.norm().value();
        assertThat(noisy.norm().value()).isEqualTo(norm);
        assertThat(unit.times(norm).minus(stored).norm().value()).isLessThan(1e-12 * norm);
      }
    }
  }

  @Test
  void noiseMayBeAllThatIsStored() {
    try (Vector gradients = zeros(DType.FLOAT32);
        Vector expected = direct(Op.NOISE_GAUSSIAN, DType.FLOAT32);
        Recording recording = Recording.begin()) {
      gradients.fill(0);
      gradients.assign(gradients.plus(noise(Op.NOISE_GAUSSIAN, 1)));
      recording.commit();
      assertThat(gradients.flatten()).isEqualTo(expected.flatten());
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {-1, 1e-37, 1e37, Double.NaN, Double.POSITIVE_INFINITY})
  void scalesOutOfRangeAreRefused(double scale) {
    assertThatThrownBy(() -> noise(Op.NOISE_LAPLACE, scale))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("must be 0 or from");
  }

  @Test
  void extremeScalesStayFiniteInFloat32() {
    try (Vector gradients = zeros(DType.FLOAT32)) {
      for (double scale : new double[] {Noise.MIN_SCALE, Noise.MAX_SCALE}) {
        double[] values = gradients.plus(noise(Op.NOISE_LAPLACE, scale)).toDoubles("odd");
        for (double value : values) {
          assertThat(Math.abs(value)).isFinite().isPositive();
        }
      }
      assertThat(gradients.plus(noise(Op.NOISE_GAUSSIAN, 0)).flatten()).containsOnly(0);
    }
  }

  @Test
  void reducedTensorsAreRefused() {
    try (Vector gradients = zeros(DType.FLOAT32)) {
      Vector sums = gradients.sum();
      assertThatThrownBy(() -> sums.plus(noise(Op.NOISE_GAUSSIAN, 1)))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("materialize()");
    }
  }

  @Test
  void keysStayHidden() {
    assertThat(NoiseKey.ofSeed(1234567).toString()).doesNotContain("1234567");
    assertThat(Noise.gaussian(NoiseKey.ofSeed(1234567), 1, 2).toString())
        .isEqualTo("NOISE_GAUSSIAN of scale 2.0");
    assertThat(NoiseKey.random().with(0)).isNotEqualTo(NoiseKey.random().with(0));
  }
}
