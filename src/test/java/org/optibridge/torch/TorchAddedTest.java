package org.optibridge.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.optibridge.optimizer.State;
import org.optibridge.testing.RequiresTorch;
import org.optibridge.torch.TorchFixtures.Config;
import org.optibridge.vector.DType;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorSpec;

/** Real weights of several shapes: state at any step, rates, weights that a step reads, ascent. */
@RequiresTorch
class TorchAddedTest {
  private static final List<long[]> SHAPES =
      List.of(
          new long[] {1},
          new long[] {63},
          new long[] {5, 13},
          new long[] {0},
          new long[] {},
          new long[] {2, 3, 4},
          new long[] {3, 0});
  private static final List<long[]> MATRICES =
      List.of(new long[] {1, 1}, new long[] {13, 5}, new long[] {3, 7}, new long[] {0, 3});
  private static final int STEPS = 6;

  static List<Config> all() {
    List<Config> all = new ArrayList<>(TorchFixtures.all());
    all.addAll(TorchFixtures.ofMatrices());
    all.addAll(TorchFixtures.ofPackages());
    return all;
  }

  static List<Config> maximizing() {
    return TorchFixtures.all();
  }

  static List<Config> readingWeights() {
    return all().stream()
        .filter(
            one -> {
              TorchOptimizerSpec spec = TorchOptimizers.get(one.cls());
              return spec.readsWeights(spec.complete(one.kwargs()));
            })
        .toList();
  }

  private static List<long[]> shapes(Config config) {
    if (config.cls().endsWith("Lamb")) {
      // At rate 1 a lone element steps to 0 but for rounding, which then decides where it goes.
      return SHAPES.stream().filter(shape -> numel(shape) != 1).toList();
    }
    return config.cls().equals("Muon") ? MATRICES : SHAPES;
  }

  private static long numel(long[] shape) {
    return Arrays.stream(shape).reduce(1, (a, b) -> a * b);
  }

  private static Vector random(Config config, DType dtype, long seed) {
    return TorchFixtures.random(dtype, seed, shapes(config));
  }

  private static void steps(
      Config config, DType dtype, TorchOptiModule module, Vector params, int from, int to) {
    for (int i = from; i < to; i++) {
      try (Vector gradients = random(config, dtype, 10 + i)) {
        module.stepInPlace(params, gradients, 0.05 / (1 + i));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("all")
  void savedAtAnyStepGoesOnAlike(Config config) {
    for (DType dtype : List.of(DType.FLOAT32, DType.FLOAT64)) {
      try (TorchOptiModule whole = config.make();
          Vector expected = random(config, dtype, 1)) {
        steps(config, dtype, whole, expected, 0, STEPS);
        for (int k = 0; k <= STEPS; k++) {
          try (TorchOptiModule first = config.make();
              TorchOptiModule second = config.make();
              Vector params = random(config, dtype, 1)) {
            steps(config, dtype, first, params, 0, k);
            try (State state = first.getState();
                Vector astray = params.materialize()) {
              steps(config, dtype, first, astray, 20, 22);
              second.setState(state);
            }
            steps(config, dtype, second, params, k, STEPS);
            assertThat(params.flatten()).as("saved after " + k).isEqualTo(expected.flatten());
          }
        }
      }
    }
  }

  /** Stepping at rate 1 is taking the direction off, if that is computed for the same weights. */
  @ParameterizedTest
  @MethodSource("readingWeights")
  void directionKnowsTheWeights(Config config) {
    DType dtype = DType.FLOAT64;
    try (TorchOptiModule direct = config.make();
        TorchOptiModule inPlace = config.make();
        TorchOptiModule blind = config.make();
        Vector params = random(config, dtype, 1);
        Vector stepped = random(config, dtype, 1)) {
      boolean differs = false;
      for (int i = 0; i < STEPS; i++) {
        try (Vector gradients = random(config, dtype, 10 + i)) {
          double[] without = blind.run(gradients, null).flatten();
          Vector direction = direct.run(gradients, params);
          differs |= !Arrays.equals(direction.flatten(), without);
          params.assign(params.minus(direction));
          inPlace.stepInPlace(stepped, gradients, 1);
        }
        assertThat(params.flatten()).containsExactly(stepped.flatten(), within(1e-12));
      }
      assertThat(differs).isTrue();
    }
  }

  @ParameterizedTest
  @MethodSource("maximizing")
  void maximizingIsMinimizingTheNegated(Config config) {
    Config ascending = config.with("maximize", true);
    for (DType dtype : List.of(DType.FLOAT32, DType.FLOAT64)) {
      try (TorchOptiModule up = ascending.make();
          TorchOptiModule down = config.make();
          Vector one = random(config, dtype, 1);
          Vector two = random(config, dtype, 1)) {
        for (int i = 0; i < STEPS; i++) {
          try (Vector gradients = random(config, dtype, 10 + i);
              Vector negated = gradients.negate().materialize()) {
            up.stepInPlace(one, gradients, 0.1);
            down.stepInPlace(two, negated, 0.1);
          }
        }
        assertThat(one.flatten()).isEqualTo(two.flatten());
      }
    }
  }

  @Test
  void ratesThatStartStateAreThoseOfTheBinding() {
    try (TorchOptiModule inPlace = TorchOptiModule.of("Rprop");
        TorchOptiModule direct = TorchOptiModule.of("Rprop");
        TorchOptiModule asgd = TorchOptiModule.of("ASGD", Map.of("lambd", 0.0));
        Vector params = Vector.builder().copy("w", new double[] {1, -1, 2}, 3).build();
        Vector gradients = Vector.builder().copy("w", new double[] {3, -4, 0}, 3).build()) {
      inPlace.stepInPlace(params, gradients, 0.25);
      assertThat(params.flatten()).containsExactly(0.75, -0.75, 2);
      assertThat(direct.run(gradients, null).abs().flatten()).containsExactly(1, 1, 0);
      asgd.stepInPlace(params, gradients, 0.25);
      assertThat(params.flatten()).containsExactly(0, 0.25, 2);
      try (State state = inPlace.getState();
          State averaged = asgd.getState()) {
        assertThat(state.vector("state").toDoubles("0.step_size")).containsOnly(0.25);
        assertThat(averaged.vector("state").toDoubles("0.eta")).containsOnly(0.25);
        assertThat(averaged.vector("state").toDoubles("0.ax")).isEqualTo(params.flatten());
      }
    }
  }

  @Test
  void adafactorKeepsRowsAndColumns() {
    Config config = new Config("Adafactor", Map.of());
    try (TorchOptiModule module = config.make();
        Vector gradients = random(config, DType.FLOAT64, 1)) {
      module.run(gradients, null);
      try (State state = module.getState()) {
        VectorSpec entries = state.vector("state").spec();
        assertThat(entries.get("2.row_var").shape()).containsExactly(5, 1);
        assertThat(entries.get("2.col_var").shape()).containsExactly(1, 13);
        assertThat(entries.get("5.col_var").shape()).containsExactly(2, 1, 4);
        assertThat(entries.get("4.variance").shape()).isEmpty();
        assertThat(entries.get("5.step").dtype()).isEqualTo(DType.FLOAT32);
        assertThat(entries.names())
            .contains("1.variance", "2.step")
            .doesNotContain("2.variance", "1.row_var", "1.col_var");
      }
    }
  }

  @Test
  void muonNamesWhatIsNoMatrix() {
    Config config = TorchFixtures.ofMatrices().get(0);
    try (TorchOptiModule module = config.make();
        TorchOptiModule twin = config.make();
        Vector vectors = TorchFixtures.random(DType.FLOAT32, 1, 3, 4);
        Vector params = random(config, DType.FLOAT32, 1);
        Vector same = random(config, DType.FLOAT32, 1)) {
      double[] before = vectors.flatten();
      assertThatThrownBy(() -> module.stepInPlace(vectors, vectors.times(1), 0.1))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("'w0'")
          .hasMessageContaining("matrices");
      assertThat(vectors.flatten()).isEqualTo(before);
      try (State state = module.getState()) {
        assertThat(state.has("state")).isFalse();
      }
      steps(config, DType.FLOAT32, module, params, 0, 3);
      steps(config, DType.FLOAT32, twin, same, 0, 3);
      assertThat(params.flatten()).isEqualTo(same.flatten());
    }
  }

  @Test
  void optionsThatChangeNoNumberAreAccepted() {
    Map<String, Object> kwargs = new LinkedHashMap<>();
    kwargs.put("foreach", true);
    kwargs.put("capturable", false);
    kwargs.put("differentiable", null);
    kwargs.put("fused", null);
    kwargs.put("eps", Arrays.asList(null, 0.01));
    try (TorchOptiModule module = TorchOptiModule.of("torch.optim.Adafactor", kwargs);
        TorchOptiModule again = TorchOptiModule.fromConfig(module.getConfig())) {
      assertThat(module.getConfig())
          .isEqualTo(
              Map.of(
                  "optim_cls",
                  "torch.optim.Adafactor",
                  "kwargs",
                  Map.of("lr", 1.0, "eps", Arrays.asList(null, 0.01))));
      assertThat(again.getConfig()).isEqualTo(module.getConfig());
    }
  }
}
