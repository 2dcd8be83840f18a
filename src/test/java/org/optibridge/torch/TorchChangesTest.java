package org.optibridge.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.optibridge.optimizer.State;
import org.optibridge.optimizer.StateValues;
import org.optibridge.optimizer.TensorFilter;
import org.optibridge.testing.RequiresTorch;
import org.optibridge.vector.DType;
import org.optibridge.vector.Vector;

/** Options that change between steps. */
@RequiresTorch
class TorchChangesTest {
  private static final int[] SIZES = {3, 65, 0, 1};

  private static void step(TorchOptiModule module, Vector params, long seed) {
    try (Vector gradients = TorchFixtures.random(DType.FLOAT32, seed, SIZES)) {
      module.stepInPlace(params, gradients, 0.05);
    }
  }

  private static Vector weights() {
    return TorchFixtures.random(DType.FLOAT32, 1, SIZES);
  }

  static List<Arguments> changes() {
    return List.of(
        Arguments.of("SGD", Map.of("momentum", 0.9), Map.of("momentum", 0.5, "dampening", 0.2)),
        Arguments.of("Adam", Map.of(), Map.of("betas", List.of(0.5, 0.6), "eps", 1e-3)),
        Arguments.of("AdamW", Map.of("amsgrad", true), Map.of("weight_decay", 0.5)),
        Arguments.of("Adagrad", Map.of(), Map.of("lr_decay", 0.5)),
        Arguments.of("RMSprop", Map.of("momentum", 0.5), Map.of("alpha", 0.5, "maximize", true)),
        Arguments.of("NAdam", Map.of(), Map.of("momentum_decay", 0.2)),
        Arguments.of("ASGD", Map.of(), Map.of("lambd", 0.2)),
        Arguments.of("Adafactor", Map.of(), Map.of("d", 3.0)));
  }

  /** As a module made with the new options that is given the state. */
  @ParameterizedTest
  @MethodSource("changes")
  void changedOptionsCountFromTheNextStep(
      String cls, Map<String, Object> before, Map<String, Object> changes) {
    try (TorchOptiModule module = TorchOptiModule.of(cls, before);
        Vector params = weights()) {
      step(module, params, 2);
      step(module, params, 3);
      module.setOptions(changes);
      try (TorchOptiModule fresh = TorchOptiModule.fromConfig(module.getConfig());
          Vector expected = params.materialize();
          State state = module.getState()) {
        fresh.setState(state);
        changes.forEach((key, value) -> assertThat(options(module)).containsEntry(key, value));
        for (int seed = 4; seed < 7; seed++) {
          step(module, params, seed);
          step(fresh, expected, seed);
        }
        assertThat(params.flatten()).isEqualTo(expected.flatten());
        assertThat(StateValues.of(module)).isEqualTo(StateValues.of(fresh));
      }
    }
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> options(TorchOptiModule module) {
    return (Map<String, Object>) module.getConfig().get("kwargs");
  }

  @Test
  void groupsKeepWhatTheyOverride() {
    try (TorchOptiModule module =
            TorchOptiModule.builder("SGD")
                .option("weight_decay", 0.5)
                .group(TensorFilter.including("w0"), Map.of("weight_decay", 0.25))
                .group(TensorFilter.including("w1"), Map.of("lr", 1.0))
                .build();
        Vector params =
            Vector.builder()
                .copy("w0", new float[] {1}, 1)
                .copy("w1", new float[] {1}, 1)
                .copy("w3", new float[] {1}, 1)
                .build();
        Vector zeros = Vector.allocate(params.spec())) {
      module.setOptions(Map.of("weight_decay", 0.125));
      module.setOptions(1, Map.of("lr", 0.5));
      module.stepInPlace(params, zeros, 1);
      assertThat(params.toDoubles("w0")[0]).isEqualTo(0.75);
      assertThat(params.toDoubles("w1")[0]).isEqualTo(1 - 0.0625);
      assertThat(params.toDoubles("w3")[0]).isEqualTo(0.875);
      module.setOptions(0, Map.of("weight_decay", 0.0));
      module.stepInPlace(params, zeros, 1);
      assertThat(params.toDoubles("w0")[0]).isEqualTo(0.75);
      assertThat(params.toDoubles("w3")[0]).isEqualTo(0.765625);
    }
  }

  /** The buffer begins with a gradient, undamped, rests while momentum is 0, and goes on. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void momentumOfSgdCanBeTurnedOnAndOff(boolean fused) {
    double[] momenta = {0, 0, 0.5, 0.5, 0, 0, 0.5, 0.25};
    double buffer = Double.NaN;
    double weight = 1;
    try (TorchOptiModule made =
            TorchOptiModule.of("SGD", Map.of("fused", fused, "dampening", 0.25));
        Vector params = Vector.builder().copy("w", new double[] {1}, 1).build()) {
      TorchOptiModule module = made;
      for (int i = 0; i < momenta.length; i++) {
        double gradient = Math.pow(-0.5, i);
        if (i > 0 && momenta[i] != momenta[i - 1]) {
          module.setOptions(Map.of("momentum", momenta[i]));
          StateValues.of(module);
        }
        if (momenta[i] == 0) {
          weight -= 0.5 * gradient;
        } else {
          buffer = Double.isNaN(buffer) ? gradient : momenta[i] * buffer + 0.75 * gradient;
          weight -= 0.5 * buffer;
        }
        try (Vector gradients = Vector.builder().copy("w", new double[] {gradient}, 1).build()) {
          module.stepInPlace(params, gradients, 0.5);
        }
        assertThat(params.flatten()[0]).as("step " + i).isEqualTo(weight);
      }
    }
  }

  @Test
  void slotsThatPyTorchCantBeginLateAreRefused() {
    try (TorchOptiModule module = TorchOptiModule.of("Adam");
        TorchOptiModule twin = TorchOptiModule.of("Adam");
        Vector one = weights();
        Vector two = weights()) {
      module.setOptions(Map.of("amsgrad", true)); // nothing is stepped yet
      module.setOptions(Map.of("amsgrad", false));
      step(module, one, 2);
      step(twin, two, 2);
      assertThatThrownBy(() -> module.setOptions(Map.of("amsgrad", true, "eps", 0.1)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("amsgrad")
          .hasMessageContaining("'max_exp_avg_sq'")
          .hasMessageContaining("reset()");
      step(module, one, 3);
      step(twin, two, 3);
      assertThat(one.flatten()).isEqualTo(two.flatten());
      assertThat(StateValues.of(module)).isEqualTo(StateValues.of(twin));
      assertThat(module.getConfig()).isEqualTo(twin.getConfig());
      module.reset();
      module.setOptions(Map.of("amsgrad", true));
      step(module, one, 4);
    }
  }
}
