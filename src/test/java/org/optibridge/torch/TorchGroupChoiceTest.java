package org.optibridge.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.State;
import org.optibridge.optimizer.TensorFilter;
import org.optibridge.testing.RequiresTorch;
import org.optibridge.vector.Vector;

/** Which tensors a group gets, and what configs say of groups. */
@RequiresTorch
class TorchGroupChoiceTest {
  private static Vector layer(double value) {
    float[] two = {(float) value, (float) value};
    return Vector.builder()
        .copy("fc.weight", new float[] {two[0], two[0], two[0], two[0]}, 2, 2)
        .copy("fc.bias", two, 2)
        .copy("norm.weight", two, 2)
        .copy("scale", new float[] {two[0]})
        .build();
  }

  /** With gradients of zero nothing but the decay moves a weight. */
  private static List<Boolean> decays(TorchOptiModule made) {
    try (TorchOptiModule module = made;
        Vector params = layer(1);
        Vector zeros = layer(0)) {
      module.stepInPlace(params, zeros, 0.1);
      return params.spec().names().stream().map(name -> params.toDoubles(name)[0] != 1).toList();
    }
  }

  @Test
  void biasesAndNormsCanBeLeftWithoutDecay() {
    Map<String, Object> none = Map.of("weight_decay", 0.0);
    assertThat(
            decays(
                TorchOptiModule.builder("AdamW")
                    .option("weight_decay", 0.1)
                    .group(TensorFilter.including("*.bias", "norm*"), none)
                    .build()))
        .containsExactly(true, false, false, true);
    assertThat(decays(TorchOptiModule.builder("AdamW").decayMatricesOnly().build()))
        .containsExactly(true, false, false, false);
    assertThat(decays(TorchOptiModule.of("AdamW"))).containsExactly(true, true, true, true);
  }

  @Test
  void firstGroupThatMatchesCounts() {
    TorchOptiModuleBuilder builder =
        TorchOptiModule.builder("AdamW")
            .group(TensorFilter.including("*.weight"), Map.of("weight_decay", 0.0))
            .group(TensorFilter.including("norm*", "scale"), Map.of("weight_decay", 0.3));
    try (TorchOptiModule module = builder.build();
        Vector params = layer(1);
        Vector zeros = layer(0)) {
      module.stepInPlace(params, zeros, 0.1);
      assertThat(params.toDoubles("scale")[0]).isEqualTo((float) (1 - 0.1 * 0.3));
      assertThat(params.toDoubles("norm.weight")[0]).isEqualTo(1);
      assertThat(params.toDoubles("fc.bias")[0]).isEqualTo((float) (1 - 0.1 * 0.01));
    }
  }

  @Test
  void groupsWithoutTensorsAreRefusedByTheirPattern() {
    try (TorchOptiModule nowhere =
            TorchOptiModule.builder("Adam")
                .group(TensorFilter.including("conv*"), Map.of("eps", 0.1))
                .build();
        TorchOptiModule shadowed =
            TorchOptiModule.builder("Adam")
                .group(TensorFilter.vectorsOnly(), Map.of("eps", 0.1))
                .group(TensorFilter.including("*.bias"), Map.of("eps", 0.2))
                .build();
        TorchOptiModule plain = TorchOptiModule.of("Adam");
        Vector params = layer(1);
        Vector gradients = layer(0.5)) {
      assertThatThrownBy(() -> nowhere.stepInPlace(params, gradients, 0.1))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("group 0 ({include=[conv*]}) has no tensor")
          .hasMessageContaining("fc.weight");
      assertThatThrownBy(() -> shadowed.run(gradients, params))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("group 1 ({include=[*.bias]})")
          .hasMessageContaining("groups before it");
      assertThat(params.flatten()).containsOnly(1.0);
      plain.run(gradients, params);
      try (State state = plain.getState()) {
        assertThatThrownBy(() -> nowhere.setState(state)).hasMessageContaining("conv*");
      }
      try (State state = nowhere.getState()) {
        assertThat(state.has("slots")).isFalse();
      }
      assertThat(nowhere.binding()).isNull();
    }
  }

  @Test
  void sharesOfTheRateAreRelative() {
    try (Optimizer optimizer =
            Optimizer.builder()
                .learningRate(0.5)
                .module(
                    TorchOptiModule.builder("SGD")
                        .group(TensorFilter.including("scale"), Map.of("lr", 0.1))
                        .build())
                .build();
        Vector params = layer(1);
        Vector gradients = layer(1)) {
      optimizer.step(params, gradients);
      assertThat(params.toDoubles("fc.bias")[0]).isEqualTo(0.5);
      assertThat(params.toDoubles("scale")[0]).isEqualTo(1 - 0.05f);
      optimizer.setLearningRate(0.25);
      optimizer.step(params, gradients);
      assertThat(params.toDoubles("fc.bias")[0]).isEqualTo(0.25);
      assertThat(params.toDoubles("scale")[0]).isCloseTo(0.925, within(1e-6));
    }
  }

  @Test
  void weightsAreReadIfAnyGroupDoes() {
    try (TorchOptiModule module =
            TorchOptiModule.builder("Adam")
                .group(TensorFilter.including("scale"), Map.of("weight_decay", 0.5))
                .build();
        Vector params = layer(1);
        Vector zeros = layer(0)) {
      Vector direction = module.run(zeros, params);
      assertThat(direction.toDoubles("scale")[0]).isNotZero();
      assertThat(direction.toDoubles("fc.bias")[0]).isZero();
      assertThat(module.binding().kind()).isEqualTo(TorchBinding.Kind.PARAMETER_AWARE);
    }
  }

  @Test
  void configsKeepWhatAGroupOverrides() {
    Map<String, Object> overrides = new HashMap<>();
    overrides.put("adjust_lr_fn", null); // None, though the module has another
    overrides.put("momentum", 0.95); // PyTorch's default, but not the module's
    try (TorchOptiModule module =
        TorchOptiModule.builder("Muon")
            .option("adjust_lr_fn", "match_rms_adamw")
            .option("momentum", 0.5)
            .group(TensorFilter.including("head.*").without("*.bias"), overrides)
            .group(TensorFilter.matricesOnly(), Map.of("lr", 2, "ns_steps", 3))
            .build()) {
      Map<String, Object> config = module.getConfig();
      assertThat(config.get("groups"))
          .isEqualTo(
              List.of(
                  Map.of(
                      "include",
                      List.of("head.*"),
                      "exclude",
                      List.of("*.bias"),
                      "kwargs",
                      overrides),
                  Map.of("min_dims", 2L, "kwargs", Map.of("lr", 2.0, "ns_steps", 3))));
      try (TorchOptiModule again = TorchOptiModule.fromConfig(config);
          Optimizer optimizer =
              Optimizer.fromConfig(
                  Map.of(
                      "lrate", 0.1, "modules", List.of(List.of(TorchOptiModule.NAME, config))))) {
        assertThat(again.getConfig()).isEqualTo(config);
        assertThat(((List<?>) optimizer.getConfig().get("modules")).get(0))
            .isEqualTo(Arrays.asList(TorchOptiModule.NAME, config));
      }
    }
    try (TorchOptiModule predicate =
        TorchOptiModule.builder("SGD")
            .group(TensorFilter.of(tensor -> tensor.numel() > 2), Map.of("lr", 0.5))
            .build()) {
      assertThatThrownBy(predicate::getConfig).isInstanceOf(IllegalStateException.class);
    }
  }
}
