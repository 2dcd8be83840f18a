package org.optibridge.tensorflow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.optibridge.memory.NativeMemory;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.State;
import org.optibridge.testing.NoLeaks;
import org.optibridge.testing.RequiresTensorflow;
import org.optibridge.vector.DType;
import org.optibridge.vector.SparseGradients;
import org.optibridge.vector.SparseRows;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorBuilder;

/** Steps by gradients that are rows of embeddings. */
@RequiresTensorflow
@ExtendWith(NoLeaks.class)
class TensorflowSparseTest {
  private static final int ROWS = 700;
  private static final int WIDTH = 3;

  static List<Arguments> optimizers() {
    return List.of(
        Arguments.of("SGD", Map.of()),
        Arguments.of("SGD", Map.of("clipnorm", 0.5)),
        Arguments.of("SGD", Map.of("weight_decay", 0.01)),
        Arguments.of("SGD", Map.of("momentum", 0.9, "nesterov", true)),
        Arguments.of("Adam", Map.of("amsgrad", true)),
        Arguments.of("AdamW", Map.of()),
        Arguments.of("Adamax", Map.of()),
        Arguments.of("Adagrad", Map.of()),
        Arguments.of("Adagrad", Map.of("use_ema", true)),
        Arguments.of("Adagrad", Map.of("gradient_accumulation_steps", 2)),
        Arguments.of("Adadelta", Map.of("learning_rate", 1.0)),
        Arguments.of("RMSprop", Map.of("momentum", 0.5)),
        Arguments.of("Ftrl", Map.of()),
        Arguments.of("Nadam", Map.of()),
        Arguments.of("Lion", Map.of()),
        Arguments.of("Lamb", Map.of()),
        Arguments.of("Adafactor", Map.of()),
        Arguments.of("ScheduleFreeAdamW", Map.of()));
  }

  private static Optimizer optimizer(String cls, Map<String, Object> options) {
    return Optimizer.builder()
        .learningRate(0.1)
        .module(TensorflowOptiModule.of(cls, options))
        .build();
  }

  private static Vector weights(DType dtype) {
    VectorBuilder builder = Vector.builder();
    double[] table = new Random(1).doubles(ROWS * WIDTH, -1, 1).toArray();
    double[] bias = new Random(2).doubles(7, -1, 1).toArray();
    return builder.copy("e", dtype, table, ROWS, WIDTH).copy("w", dtype, bias, 7).build();
  }

  private static SparseGradients gradients(Random random, DType dtype, int count) {
    long[] rows = random.longs(count, 0, ROWS).toArray();
    double[] values = random.doubles((long) WIDTH * count, -1, 1).toArray();
    Vector dense = Vector.builder().copy("w", dtype, random.doubles(7, -1, 1).toArray(), 7).build();
    if (dtype == DType.FLOAT64) {
      return SparseGradients.of(dense, SparseRows.copy("e", rows, values, ROWS, WIDTH));
    }
    float[] narrow = new float[values.length];
    for (int i = 0; i < narrow.length; i++) {
      narrow[i] = (float) values[i];
    }
    return SparseGradients.of(dense, SparseRows.copy("e", rows, narrow, ROWS, WIDTH));
  }

  @ParameterizedTest
  @MethodSource("optimizers")
  void stepsAsByDenseGradients(String cls, Map<String, Object> options) {
    for (DType dtype : List.of(DType.FLOAT32, DType.FLOAT64)) {
      Random random = new Random(3);
      try (Optimizer sparse = optimizer(cls, options);
          Optimizer dense = optimizer(cls, options);
          Vector params = weights(dtype);
          Vector reference = weights(dtype)) {
        for (int step = 0; step < 6; step++) {
          // Few rows, then more than a batch holds, with many named twice.
          try (SparseGradients given = gradients(random, dtype, step < 3 ? step * 2 : 900);
              Vector all = given.toDense(reference.spec())) {
            sparse.step(params, given);
            dense.step(reference, all);
          }
          double unit = dtype == DType.FLOAT32 ? 1e-6 : 1e-14;
          assertThat(params.flatten())
              .as("step " + step)
              .containsExactly(reference.flatten(), within(unit));
        }
        try (State mine = sparse.getState();
            State other = dense.getState()) {
          assertThat(iterations(mine)).isEqualTo(iterations(other));
        }
      }
    }
  }

  private static double iterations(State pipeline) {
    return pipeline.state("modules").state("0:" + TensorflowOptiModule.NAME).number("iterations");
  }

  /** The original steps once for each time a row is named. */
  @ParameterizedTest
  @ValueSource(strings = {"SGD", "Adagrad", "Adam"})
  void rowsThatAreNamedTwiceCountAsTheirSum(String cls) {
    try (Optimizer twice = optimizer(cls, Map.of());
        Optimizer once = optimizer(cls, Map.of());
        Vector params = Vector.builder().copy("e", new float[8], 4, 2).build();
        Vector reference = Vector.builder().copy("e", new float[8], 4, 2).build();
        SparseGradients repeated =
            SparseGradients.of(
                SparseRows.copy("e", new long[] {1, 1}, new float[] {1, 2, 3, 4}, 4, 2));
        SparseGradients merged =
            SparseGradients.of(SparseRows.copy("e", new long[] {1}, new float[] {4, 6}, 4, 2))) {
      twice.step(params, repeated);
      once.step(reference, merged);
      assertThat(params.flatten()).containsExactly(reference.flatten());
      assertThat(params.flatten()[2]).isNegative();
    }
  }

  @Test
  void copiesTheRowsOnlyWhereOthersStay() {
    try (Optimizer sgd = optimizer("SGD", Map.of());
        Optimizer adagrad = optimizer("Adagrad", Map.of());
        Vector params = Vector.builder().copy("e", new float[100_000], 50_000, 2).build();
        SparseGradients three =
            SparseGradients.of(
                SparseRows.copy("e", new long[] {9, 4, 9}, new float[6], 50_000, 2))) {
      long before = NativeMemory.copiedBytes();
      sgd.step(params, three);
      // Two rows of two floats: weights in and out, the gradient in.
      assertThat(NativeMemory.copiedBytes() - before).isEqualTo(3 * 16);
      adagrad.step(params, three);
      assertThat(NativeMemory.copiedBytes() - before).isEqualTo(3 * 16 + 5 * 16);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"SGD", "Adagrad", "Adam", "Lamb"})
  void variablesStayWhereTheyAre(String cls) {
    TensorflowOptiModule module = TensorflowOptiModule.of(cls);
    try (Optimizer optimizer = Optimizer.builder().learningRate(0.1).module(module).build();
        Vector start = weights(DType.FLOAT32);
        TensorflowVariables home = module.allocateWeights(start.spec());
        Vector dense = Vector.allocate(start.spec())) {
      home.vector().assign(start);
      dense.fill(0.5);
      Random random = new Random(3);
      // Sparse and dense steps in turn, on the same memory.
      for (int step = 0; step < 4; step++) {
        try (SparseGradients given = gradients(random, DType.FLOAT32, 5)) {
          optimizer.step(home.vector(), given);
        }
        optimizer.step(home.vector(), dense);
        optimizer.step(start, dense);
      }
      assertThat(home.vector().flatten()).isNotEqualTo(start.flatten());
    }
  }

  /** Zeros are zeros again, whatever the last gradient was. */
  @Test
  void anInfiniteGradientEndsWithItsStep() {
    try (Optimizer optimizer = optimizer("RMSprop", Map.of());
        Vector params = Vector.builder().copy("e", new float[8], 4, 2).build();
        SparseGradients infinite =
            SparseGradients.of(
                SparseRows.copy(
                    "e", new long[] {1}, new float[] {Float.POSITIVE_INFINITY, 1}, 4, 2));
        SparseGradients other =
            SparseGradients.of(SparseRows.copy("e", new long[] {3}, new float[] {1, 1}, 4, 2))) {
      optimizer.step(params, infinite);
      double[] after = params.flatten();
      optimizer.step(params, other);
      assertThat(after[2]).isNaN();
      assertThat(params.flatten()[3]).isEqualTo(after[3]);
      assertThat(params.flatten()[0]).isZero();
    }
  }

  @Test
  void rowsThatAreNotFiniteAreLeftOutUnderALossScale() {
    TensorflowOptiModule module =
        TensorflowOptiModule.of(
            "LossScaleOptimizer", Map.of("inner_optimizer", "SGD", "initial_scale", 4.0));
    try (Optimizer optimizer = Optimizer.builder().learningRate(1).module(module).build();
        Vector params = Vector.builder().copy("e", new float[8], 4, 2).build();
        SparseGradients infinite =
            SparseGradients.of(
                SparseRows.copy(
                    "e", new long[] {1}, new float[] {Float.POSITIVE_INFINITY, 1}, 4, 2));
        SparseGradients finite =
            SparseGradients.of(SparseRows.copy("e", new long[] {3}, new float[] {2, 4}, 4, 2))) {
      assertThat(optimizer.step(params, infinite)).isFalse();
      assertThat(params.flatten()).containsOnly(0);
      assertThat(module.lossScale()).isEqualTo(2);
      assertThat(optimizer.step(params, finite)).isTrue();
      assertThat(params.flatten()).containsExactly(0, 0, 0, 0, 0, 0, -1, -2);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"SGD", "Adam"})
  void refusesGradientsOfOtherTensorsBeforeAnythingChanges(String cls) {
    try (Optimizer optimizer = optimizer(cls, Map.of());
        Vector params = Vector.builder().copy("e", new float[8], 4, 2).build();
        SparseGradients other =
            SparseGradients.of(SparseRows.copy("f", new long[] {3}, new float[] {1, 1}, 4, 2));
        SparseGradients fits =
            SparseGradients.of(SparseRows.copy("e", new long[] {3}, new float[] {1, 1}, 4, 2))) {
      assertThatThrownBy(() -> optimizer.step(params, other)).hasMessageContaining("'e'");
      assertThat(params.flatten()).containsOnly(0);
      optimizer.step(params, fits);
      try (State state = optimizer.getState()) {
        assertThat(iterations(state)).isEqualTo(1);
      }
    }
  }
}
