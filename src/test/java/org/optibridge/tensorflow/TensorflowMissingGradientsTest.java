package org.optibridge.tensorflow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.optibridge.modules.L2Clipping;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.State;
import org.optibridge.testing.NoLeaks;
import org.optibridge.testing.RequiresTensorflow;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorBuilder;

/** Steps in which some weights have no gradient: Keras leaves them alone, and counts the step. */
@RequiresTensorflow
@ExtendWith(NoLeaks.class)
class TensorflowMissingGradientsTest {
  private static final int STEPS = 5;

  static List<KerasOptimizerSpec> classes() {
    return KerasOptimizers.all();
  }

  private static double[] values(int seed) {
    return new Random(seed).doubles(6, -1, 1).toArray();
  }

  private static Vector vector(int seed, List<String> names) {
    VectorBuilder builder = Vector.builder();
    for (String name : names) {
      builder.copy(name, values(seed + name.charAt(0)), 2, 3);
    }
    return builder.build();
  }

  private static Optimizer optimizer(KerasOptimizerSpec spec, boolean last) {
    var builder =
        Optimizer.builder().learningRate(0.1).module(TensorflowOptiModule.of(spec.name()));
    // A stage after it makes the module give its direction.
    return (last ? builder : builder.module(new L2Clipping(1e9))).build();
  }

  @ParameterizedTest
  @MethodSource("classes")
  void othersMoveAsIfTheyWereAlone(KerasOptimizerSpec spec) {
    for (boolean last : List.of(true, false)) {
      try (Optimizer optimizer = optimizer(spec, last);
          Optimizer alone = optimizer(spec, last);
          Vector params = vector(0, List.of("a", "b", "c"));
          Vector reference = vector(0, List.of("a"))) {
        for (int step = 1; step <= STEPS; step++) {
          List<String> given = step == 2 || step == 3 ? List.of("a", "c") : List.of("a", "b", "c");
          double[] before = params.toDoubles("b");
          double[][] slots = slots(optimizer, "b");
          try (Vector gradients = vector(step, given);
              Vector one = vector(step, List.of("a"))) {
            optimizer.step(params, gradients);
            alone.step(reference, one);
          }
          assertThat(params.toDoubles("a")).isEqualTo(reference.toDoubles("a"));
          if (!given.contains("b")) {
            assertThat(params.toDoubles("b")).isEqualTo(before);
            assertThat(slots(optimizer, "b")).isDeepEqualTo(slots);
          } else {
            assertThat(params.toDoubles("b")).isNotEqualTo(before);
          }
        }
      }
    }
  }

  private static double[][] slots(Optimizer optimizer, String name) {
    try (State state = optimizer.getState()) {
      State module = state.state("modules").state("0:" + TensorflowOptiModule.NAME);
      if (!module.has("slots")) {
        return new double[0][];
      }
      State slots = module.state("slots");
      return slots.keys().stream()
          .map(slot -> slots.vector(slot).toDoubles(name))
          .toArray(double[][]::new);
    }
  }

  @Test
  void weightsInVariablesWork() {
    TensorflowOptiModule module = TensorflowOptiModule.of("adam");
    try (Optimizer optimizer = Optimizer.builder().learningRate(0.1).module(module).build();
        Optimizer twin = optimizer(module.optimizer().spec(), true);
        Vector start = vector(0, List.of("a", "b"));
        TensorflowVariables home = module.allocateWeights(start.spec())) {
      home.vector().assign(start);
      for (int step = 1; step <= STEPS; step++) {
        try (Vector gradients = vector(step, step == 2 ? List.of("b") : List.of("a", "b"))) {
          optimizer.step(home.vector(), gradients);
          twin.step(start, gradients);
        }
      }
      assertThat(home.vector().flatten()).isEqualTo(start.flatten());
    }
  }

  @Test
  void accumulatesWhatIsThere() {
    Map<String, Object> options = Map.of("gradient_accumulation_steps", 2);
    try (Optimizer optimizer =
            Optimizer.builder()
                .learningRate(1)
                .module(TensorflowOptiModule.of("sgd", options))
                .build();
        Vector params = vector(0, List.of("a", "b"));
        Vector both = vector(1, List.of("a", "b"));
        Vector some = vector(2, List.of("b"))) {
      double[] a = params.toDoubles("a");
      double[] b = params.toDoubles("b");
      optimizer.step(params, both);
      optimizer.step(params, some);
      assertThat(params.toDoubles("a")).isEqualTo(a);
      for (int i = 0; i < b.length; i++) {
        double mean = (some.toDoubles("b")[i] + both.toDoubles("b")[i]) / 2;
        assertThat(params.toDoubles("b")[i]).isEqualTo(b[i] - mean);
      }
    }
  }

  @Test
  void refusesWhatItCannotKnow() {
    try (Optimizer averaged =
            Optimizer.builder()
                .learningRate(0.1)
                .module(TensorflowOptiModule.of("adam", Map.of("use_ema", true)))
                .build();
        Optimizer free =
            Optimizer.builder()
                .learningRate(0.1)
                .module(TensorflowOptiModule.of("ScheduleFreeAdamW"))
                .build();
        Vector params = vector(0, List.of("a", "b"));
        Vector some = vector(1, List.of("b"))) {
      assertThatThrownBy(() -> averaged.step(params, some))
          .hasMessageContaining("use_ema")
          .hasMessageContaining("zeros");
      assertThatThrownBy(() -> free.step(params, some))
          .hasMessageContaining("first step")
          .hasMessageContaining("zeros");
    }
  }
}
