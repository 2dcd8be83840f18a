package org.optibridge.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.optibridge.contract.Tensors.Layout;
import org.optibridge.modules.Adam;
import org.optibridge.modules.L2Clipping;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.optimizer.Registry;
import org.optibridge.optimizer.State;
import org.optibridge.optimizer.StateValues;
import org.optibridge.regularizers.FedProx;
import org.optibridge.testing.Golden;
import org.optibridge.testing.NoLeaks;
import org.optibridge.testing.RequiresTorch;
import org.optibridge.testing.Vectors;
import org.optibridge.torch.TorchOptiModule;
import org.optibridge.vector.Vector;

/** What we do where declearn has a defect; docs/quirks.md says why. */
@ExtendWith(NoLeaks.class)
class QuirksTest {
  static Golden.Case quirk(String name) {
    return Golden.cases("quirks.json").stream()
        .filter(one -> one.toString().equals("quirks/" + name))
        .findFirst()
        .orElseThrow();
  }

  // ---- configs and states
  // ------------------------------------------------------------------------

  @Test
  void roundResetIsInTheConfigAndComesBack() {
    Map<String, JsonNode> observed = new LinkedHashMap<>();
    quirk("round-reset-not-in-config")
        .get("observed")
        .properties()
        .forEach(entry -> observed.put(entry.getKey(), entry.getValue()));
    assertThat(observed).hasSize(7);
    observed.forEach(
        (name, entry) -> {
          Map<String, Object> expected = Golden.map(entry.get("get_config"));
          expected.put("round_reset", true);
          try (OptiModule made = Registry.module(name, Golden.map(entry.get("init")));
              OptiModule again = Registry.module(name, made.getConfig())) {
            assertThat(again.getConfig()).isEqualTo(expected);
          }
        });
  }

  @Test
  void roundResetClearsTheMaximumToo() {
    try (Adam adam = new Adam(0.9, 0.99, true, 1e-7, true);
        Adam fresh = new Adam(0.9, 0.99, true, 1e-7, true);
        Vector large = Vectors.w(4);
        Vector small = Vectors.w(0.1f)) {
      adam.run(large, null);
      assertThat(StateValues.of(adam)).containsKey("vmax");
      adam.startRound();
      assertThat(StateValues.of(adam)).isEqualTo(StateValues.of(fresh));
      adam.run(small, null);
      fresh.run(small, null);
      assertThat(StateValues.of(adam)).isEqualTo(StateValues.of(fresh));
    }
  }

  @Test
  void fedProxKeepsACopyThatIsPartOfTheState() {
    try (FedProx first = new FedProx(1);
        FedProx second = new FedProx(1);
        Vector weights = Vectors.w(0, 0);
        Vector gradients = Vectors.w(0, 0)) {
      first.startRound();
      assertThat(first.run(gradients, weights).toDoubles("w")).containsExactly(0, 0);
      weights.fill(5); // in place: the object that the regularizer was given
      assertThat(first.run(gradients, weights).toDoubles("w")).containsExactly(5, 5);
      try (State state = first.getState()) {
        second.setState(state);
      }
      assertThat(second.run(gradients, weights).toDoubles("w")).containsExactly(5, 5);
    }
  }

  // ---- dtypes and shapes
  // -------------------------------------------------------------------------

  @Test
  void clippingKeepsDtypesAndShapesAndRoundsLate() {
    try (L2Clipping clipping = new L2Clipping(1.0);
        Vector gradients =
            Vector.builder()
                .copy("a", new double[] {1, 1, 1}, 3)
                .copy("z", new double[] {3})
                .copy("f", new float[] {3, 4}, 1, 2)
                .build()) {
      Vector clipped = clipping.run(gradients, null);
      assertThat(clipped.spec()).isEqualTo(gradients.spec());
      // 1/√3 rounded to float32 would be off by 1e-8.
      assertThat(clipped.toDoubles("a")[0]).isCloseTo(1 / Math.sqrt(3), within(1e-15));
      assertThat(clipped.toDoubles("z")[0]).isCloseTo(1, within(1e-15));
      assertThat(clipped.toDoubles("f")).containsExactly(new double[] {0.6, 0.8}, within(1e-7));
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void noiseKeepsDtypesAndTensorsWithoutDimensions(boolean safeMode) {
    for (String name : List.of("gaussian-noise", "laplace-noise")) {
      for (Layout layout : Layout.values()) {
        try (OptiModule noise = Registry.module(name, Map.of("safe_mode", safeMode));
            Vector gradients = layout.vector(1);
            Vector noisy = noise.run(gradients, null).materialize()) {
          assertThat(noisy.spec()).isEqualTo(gradients.spec());
          assertThat(noisy.toDoubles("s")).isNotEqualTo(gradients.toDoubles("s"));
        }
      }
    }
  }

  @Test
  void seedInSafeModeIsRefused() {
    // declearn ignores it: its safe mode is the default, so that a seed alone does nothing.
    assertThat(catchThrowable(() -> Registry.module("gaussian-noise", Map.of("seed", 1))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("seed")
        .hasMessageContaining("safe_mode");
  }

  // ---- frameworks
  // --------------------------------------------------------------------------------

  @Test
  @RequiresTorch
  void torchRecoversFromGradientsThatAreNotFinite() {
    try (TorchOptiModule sgd = TorchOptiModule.of("SGD");
        Vector good = Vectors.w(1, 2);
        Vector bad = Vectors.w(Float.POSITIVE_INFINITY, 1)) {
      assertThat(sgd.run(good, null).toDoubles("w")).containsExactly(1, 2);
      assertThat(sgd.run(bad, null).toDoubles("w")).containsExactly(Double.POSITIVE_INFINITY, 1);
      assertThat(sgd.run(good, null).toDoubles("w")).containsExactly(1, 2);
    }
  }

  @Test
  @RequiresTorch
  void torchTakesTheStateOfAModuleThatNeverRan() {
    try (TorchOptiModule unused = TorchOptiModule.of("Adam");
        TorchOptiModule used = TorchOptiModule.of("Adam");
        Vector gradients = Vectors.w(1, 2)) {
      used.run(gradients, null);
      try (State state = unused.getState()) {
        used.setState(state);
      }
      assertThat(StateValues.of(used)).isEqualTo(StateValues.of(unused));
      assertThat(used.run(gradients, null).toDoubles("w"))
          .isEqualTo(unused.run(gradients, null).toDoubles("w"));
    }
  }
}
