package org.optibridge.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.optibridge.modules.L2Clipping;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.State;
import org.optibridge.regularizers.Ridge;
import org.optibridge.testing.NoLeaks;
import org.optibridge.testing.RequiresTorch;
import org.optibridge.vector.SparseGradients;
import org.optibridge.vector.SparseRows;
import org.optibridge.vector.Vector;

/** Steps by gradients that are rows of embeddings. */
@RequiresTorch
@ExtendWith(NoLeaks.class)
class TorchSparseTest {
  /** Weights after two steps of torch 2.10 at lr 0.1; the first gradient names row 1 twice. */
  static List<Arguments> recorded() {
    return List.of(
        recorded("SGD", Map.of(), "-0.03,0.085,0.1875,0.325,0.5,0.625,0.7,0.615"),
        recorded("SGD", Map.of("momentum", 0.9), "-0.03,0.085,0.13125,0.28,0.5,0.625,0.61,0.435"),
        recorded(
            "SGD",
            Map.of("momentum", 0.9, "dampening", 0.5),
            "-0.015,0.105,0.13125,0.28,0.5,0.625,0.585,0.465"),
        recorded(
            "SGD",
            Map.of("momentum", 0.9, "nesterov", true),
            "-0.057,0.049,0.080625,0.2395,0.5,0.625,0.574,0.219"),
        recorded(
            "SGD",
            Map.of("momentum", 0.5, "maximize", true),
            "0.03,0.165,0.34375,0.45,0.5,0.625,0.85,1.235"),
        recorded(
            "Adagrad",
            Map.of(),
            "-0.09999999996666667,0.025000000024999997,0.150000000016,0.27500000002,0.5,0.625,"
                + "0.6947213595559958,0.7462652114497417"),
        recorded(
            "Adagrad",
            Map.of("lr_decay", 0.5, "initial_accumulator_value", 0.3),
            "-0.03202563075588922,0.08568214503115787,0.17479289530952644,0.3075800137627667,0.5,"
                + "0.625,0.6890681757049222,0.7600217933869439"),
        recorded(
            "SparseAdam",
            Map.of(),
            "-0.07441360391787244,0.05058637647243662,0.15000005059641697,0.2750000632455132,0.5,"
                + "0.625,0.6233663351928886,0.6894303104756008"),
        recorded(
            "SparseAdam",
            Map.of("betas", List.of(0.5, 0.9), "eps", 1e-3, "maximize", true),
            "0.09093511803959682,0.2161728734946048,0.3494965826868899,0.47437151932873944,0.5,"
                + "0.625,0.849684769081674,1.0486101918831583"));
  }

  private static Arguments recorded(String cls, Map<String, Object> kwargs, String weights) {
    return Arguments.of(
        cls, kwargs, Stream.of(weights.split(",")).mapToDouble(Double::parseDouble).toArray());
  }

  private static Optimizer optimizer(String cls, Map<String, Object> kwargs, double rate) {
    return Optimizer.builder().learningRate(rate).module(TorchOptiModule.of(cls, kwargs)).build();
  }

  @ParameterizedTest
  @MethodSource("recorded")
  void stepsAsPython(String cls, Map<String, Object> kwargs, double[] expected) {
    double[] weights = {0, .125, .25, .375, .5, .625, .75, .875};
    try (Optimizer optimizer = optimizer(cls, kwargs, 0.1);
        Vector params = Vector.builder().copy("e", weights, 4, 2).build();
        SparseGradients first =
            SparseGradients.of(
                SparseRows.copy(
                    "e", new long[] {1, 3, 1}, new double[] {.5, -.25, 1, 2, .125, .75}, 4, 2));
        SparseGradients second =
            SparseGradients.of(
                SparseRows.copy("e", new long[] {0, 3}, new double[] {.3, .4, -.5, .6}, 4, 2))) {
      optimizer.step(params, first);
      optimizer.step(params, second);
      assertThat(params.flatten()).containsExactly(expected, within(1e-14));
    }
  }

  private static SparseGradients random(Random random) {
    int count = random.nextInt(9);
    long[] rows = random.longs(count, 0, 50).toArray();
    double[] values = random.doubles(3L * count, -1, 1).toArray();
    double[] dense = random.doubles(7, -1, 1).toArray();
    return SparseGradients.of(
        Vector.builder().copy("w", dense, 7).build(), SparseRows.copy("e", rows, values, 50, 3));
  }

  private static Vector weights() {
    return Vector.builder()
        .copy("e", new Random(1).doubles(150).toArray(), 50, 3)
        .copy("w", new Random(2).doubles(7).toArray(), 7)
        .build();
  }

  static List<Arguments> densely() {
    return List.of(
        Arguments.of("SGD", Map.of()),
        Arguments.of("SGD", Map.of("momentum", 0.9)),
        Arguments.of("SGD", Map.of("momentum", 0.9, "dampening", 0.3, "maximize", true)),
        Arguments.of("SGD", Map.of("momentum", 0.8, "nesterov", true, "fused", false)),
        Arguments.of("Adagrad", Map.of("lr_decay", 0.1)),
        Arguments.of("Adagrad", Map.of("fused", false)));
  }

  /** For these a row without gradient is one of zeros, so dense steps must agree, also mixed in. */
  @ParameterizedTest
  @MethodSource("densely")
  void agreesWithDenseSteps(String cls, Map<String, Object> kwargs) {
    Random random = new Random(3);
    try (Optimizer sparse = optimizer(cls, kwargs, 0.1);
        Optimizer dense = optimizer(cls, kwargs, 0.1);
        Vector params = weights();
        Vector expected = weights()) {
      for (int i = 0; i < 12; i++) {
        try (SparseGradients gradients = random(random);
            Vector all = gradients.toDense(params.spec())) {
          if (i % 5 == 3) {
            sparse.step(params, all);
          } else {
            sparse.step(params, gradients);
          }
          dense.step(expected, all);
        }
        assertThat(params.flatten()).containsExactly(expected.flatten(), within(1e-13));
      }
    }
  }

  private static SparseGradients embedding(Random random) {
    SparseGradients both = random(random);
    SparseRows rows = both.rows().get("e");
    SparseGradients alone =
        SparseGradients.of(SparseRows.copy("e", rows.rows(), rows.values().toDoubles("e"), 50, 3));
    both.close();
    return alone;
  }

  @ParameterizedTest
  @ValueSource(strings = {"SGD", "Adagrad", "SparseAdam"})
  void resumesBitForBit(String cls) {
    Map<String, Object> kwargs = cls.equals("SGD") ? Map.of("momentum", 0.9) : Map.of();
    double[] start = new Random(1).doubles(150).toArray();
    try (Optimizer whole = optimizer(cls, kwargs, 0.1);
        Optimizer first = optimizer(cls, kwargs, 0.1);
        Optimizer second = optimizer(cls, kwargs, 0.1);
        Vector expected = Vector.builder().copy("e", start, 50, 3).build();
        Vector params = Vector.builder().copy("e", start, 50, 3).build()) {
      Random random = new Random(4);
      for (int i = 0; i < 10; i++) {
        if (i == 5) {
          try (State state = first.getState()) {
            second.setState(state);
          }
        }
        try (SparseGradients gradients = embedding(random)) {
          whole.step(expected, gradients);
          (i < 5 ? first : second).step(params, gradients);
        }
      }
      assertThat(params.flatten()).containsExactly(expected.flatten());
    }
  }

  @Test
  void manyRowsOnSeveralThreadsGiveTheSame() {
    int rows = 40_000;
    long[] indices = new Random(5).longs(rows, 0, rows).toArray();
    double[] values = new Random(6).doubles(8L * rows, -1, 1).toArray();
    double[] start = new Random(7).doubles(8L * rows).toArray();
    double[] expected = start.clone();
    double[] sums = new double[expected.length];
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < 8; j++) {
        sums[(int) indices[i] * 8 + j] += values[i * 8 + j];
      }
    }
    for (int k = 0; k < expected.length; k++) {
      double g = sums[k];
      double m = 0.1 * g;
      double v = 0.001 * g * g;
      double size = 0.05 * Math.sqrt(1 - 0.999) / (1 - 0.9);
      expected[k] -= g == 0 ? 0 : size * m / (Math.sqrt(v) + 1e-8);
    }
    try (Optimizer optimizer = optimizer("SparseAdam", Map.of(), 0.05);
        Vector params = Vector.builder().copy("e", start, rows, 8).build();
        SparseGradients gradients =
            SparseGradients.of(SparseRows.copy("e", indices, values, rows, 8))) {
      optimizer.step(params, gradients);
      assertThat(params.flatten()).containsExactly(expected, within(1e-12));
    }
  }

  @Test
  void refusesWhereDenseGradientsAreNeeded() {
    try (Vector params = weights();
        SparseGradients gradients = random(new Random(8))) {
      double[] before = params.flatten();
      List<Optimizer> refusing =
          List.of(
              optimizer("Adam", Map.of(), 0.1),
              optimizer("SGD", Map.of("weight_decay", 0.1), 0.1),
              optimizer("Adagrad", Map.of("weight_decay", 0.1), 0.1),
              Optimizer.builder().learningRate(1).regularizer(new Ridge(0.1)).build(),
              Optimizer.builder().learningRate(1).weightDecay(0.1).build(),
              Optimizer.builder().learningRate(1).module(new L2Clipping(1)).build(),
              Optimizer.builder()
                  .learningRate(1)
                  .module(new L2Clipping(1))
                  .module(TorchOptiModule.of("SGD"))
                  .build());
      List<String> named =
          List.of("SparseAdam", "weight_decay", "weight_decay", "'ridge'", "decay", "clip", "clip");
      for (int i = 0; i < refusing.size(); i++) {
        try (Optimizer optimizer = refusing.get(i)) {
          assertThatThrownBy(() -> optimizer.step(params, gradients))
              .isInstanceOf(UnsupportedOperationException.class)
              .hasMessageContaining(named.get(i))
              .hasMessageContaining("toDense");
        }
      }
      assertThat(params.flatten()).containsExactly(before);
    }
  }

  @Test
  void sparseAdamTakesNoDenseGradients() {
    try (Optimizer optimizer = optimizer("SparseAdam", Map.of(), 0.1);
        Vector params = weights();
        SparseGradients mixed = random(new Random(8));
        Vector dense = mixed.toDense(params.spec())) {
      double[] before = params.flatten();
      assertThatThrownBy(() -> optimizer.step(params, dense))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("SparseAdam takes sparse gradients only")
          .hasMessageContaining("Adam");
      assertThatThrownBy(() -> optimizer.computeUpdates(params, dense))
          .hasMessageContaining("SparseAdam takes sparse gradients only");
      assertThatThrownBy(() -> optimizer.step(params, mixed)).hasMessageContaining("[w]");
      optimizer.setLearningRate(0);
      try (Vector e = Vector.builder().copy("e", new double[6], 2, 3).build();
          SparseGradients rows =
              SparseGradients.of(SparseRows.copy("e", new long[] {1}, new double[3], 2, 3))) {
        assertThatThrownBy(() -> optimizer.step(e, rows)).hasMessageContaining("> 0");
      }
      assertThat(params.flatten()).containsExactly(before);
    }
  }

  @Test
  void stepsCountWithoutRowsToo() {
    try (Optimizer optimizer = optimizer("SparseAdam", Map.of(), 0.1);
        Vector params = Vector.builder().copy("e", new double[] {1, 2, 3}, 1, 3).build();
        SparseGradients none =
            SparseGradients.of(SparseRows.copy("e", new long[0], new double[0], 1, 3))) {
      optimizer.step(params, none);
      assertThat(params.flatten()).containsExactly(1, 2, 3);
      try (State state = optimizer.getState()) {
        State module = state.state("modules").state("0:torch-optim");
        assertThat(module.vector("state").toDoubles("0.step")).containsExactly(1);
      }
    }
  }
}
