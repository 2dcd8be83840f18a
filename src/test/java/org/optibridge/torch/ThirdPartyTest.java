package org.optibridge.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.optibridge.modules.L2GlobalClipping;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.State;
import org.optibridge.testing.RequiresTorch;
import org.optibridge.vector.DType;
import org.optibridge.vector.Vector;

/** Optimizers of timm, pytorch_optimizer and schedulefree: names, options, evaluation weights. */
@RequiresTorch
class ThirdPartyTest {
  @ParameterizedTest
  @CsvSource({
    "timm.optim.Lamb, timm.optim.Lamb",
    "timm.Lamb, timm.optim.Lamb",
    "timm.optim.lamb.Lamb, timm.optim.Lamb",
    "timm.optim.adan.Adan, timm.optim.Adan",
    "pytorch_optimizer.LARS, pytorch_optimizer.LARS",
    "pytorch_optimizer.optimizer.LARS, pytorch_optimizer.LARS",
    "pytorch_optimizer.optimizer.lars.LARS, pytorch_optimizer.LARS",
    "pytorch_optimizer.optimizer.schedulefree.ScheduleFreeAdamW,"
        + " pytorch_optimizer.ScheduleFreeAdamW",
    "ScheduleFreeAdamW, pytorch_optimizer.ScheduleFreeAdamW",
    "schedulefree.SGDScheduleFree, schedulefree.SGDScheduleFree",
    "schedulefree.adamw_schedulefree.AdamWScheduleFree, schedulefree.AdamWScheduleFree",
    "AdamWScheduleFree, schedulefree.AdamWScheduleFree",
    "torch.optim.adam.Adam, torch.optim.Adam"
  })
  void namesAreThoseOfPython(String name, String qualified) {
    assertThat(TorchOptimizers.get(name).qualifiedName()).isEqualTo(qualified);
  }

  @ParameterizedTest
  @ValueSource(strings = {"Lamb", "lamb", "Lion", "Adan"})
  void ambiguousNamesAreRefusedWithAllCandidates(String name) {
    String cls = name.substring(0, 1).toUpperCase(Locale.ROOT) + name.substring(1);
    assertThatThrownBy(() -> TorchOptiModule.of(name))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("ambiguous")
        .hasMessageContaining("timm.optim." + cls)
        .hasMessageContaining("pytorch_optimizer." + cls);
  }

  static List<Arguments> refusals() {
    Map<String, Object> noEps = new LinkedHashMap<>();
    noEps.put("eps", null);
    return List.of(
        Arguments.of("LARS", Map.of(), "timm.optim.Lars or pytorch_optimizer.LARS"),
        Arguments.of("timm.optim.Lamp", Map.of(), "did you mean 'Lamb'"),
        Arguments.of("timm.optim.lars.Lamb", Map.of(), "Unknown torch optimizer"),
        Arguments.of("pytorch_optimizer.Lars", Map.of(), "did you mean 'LARS'"),
        Arguments.of("schedulefree.Adam", Map.of(), "Known: [AdamWScheduleFree, SGDScheduleFree]"),
        Arguments.of("SGDScheduleFre", Map.of(), "did you mean 'SGDScheduleFree'"),
        Arguments.of("timm.optim.Lamb", noEps, "'eps' must be a finite number >= 0, not null"),
        Arguments.of("timm.optim.Lamb", Map.of("maximize", true), "no option 'maximize'"),
        Arguments.of("timm.optim.Lars", Map.of("nesterov", true), "nesterov"),
        Arguments.of("timm.optim.Adan", Map.of("betas", List.of(0.9, 0.9)), "3 finite numbers"),
        Arguments.of("timm.optim.Lion", Map.of("fused", true), "no fused kernel"),
        Arguments.of(
            "pytorch_optimizer.Adan", Map.of("betas", List.of(0.9, 0.9, 1.1)), "the last [0, 1]"),
        Arguments.of("pytorch_optimizer.LARS", Map.of("momentum", 1.0), "[0, 1)"),
        Arguments.of(
            "pytorch_optimizer.ScheduleFreeAdamW", Map.of("betas", List.of(0.0, 0.9)), "(0, 1)"),
        Arguments.of("pytorch_optimizer.ScheduleFreeAdamW", Map.of("use_palm", true), "use_palm"),
        Arguments.of("schedulefree.SGDScheduleFree", Map.of("momentum", 0.0), "(0, 1)"),
        Arguments.of("schedulefree.SGDScheduleFree", Map.of("warmup_steps", 1.5), "whole number"));
  }

  @ParameterizedTest
  @MethodSource("refusals")
  void refusesWhatThePackageRefuses(String name, Map<String, Object> kwargs, String message) {
    assertThatThrownBy(() -> TorchOptiModule.of(name, kwargs).close())
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(message);
  }

  @Test
  void configsKeepWhatIsNone() {
    Map<String, Object> none = Collections.singletonMap("max_grad_norm", null);
    try (TorchOptiModule module = TorchOptiModule.of("timm.Lamb", none);
        TorchOptiModule again = TorchOptiModule.fromConfig(module.getConfig())) {
      assertThat(module.getConfig()).containsEntry("optim_cls", "timm.optim.Lamb");
      Map<String, Object> kwargs = new LinkedHashMap<>(none);
      kwargs.put("lr", 1.0);
      assertThat(module.getConfig()).containsEntry("kwargs", kwargs);
      assertThat(again.getConfig()).isEqualTo(module.getConfig());
    }
  }

  /** The highest rate is that of the first step, or the one given; none is an error. */
  @Test
  void correctedDecayGoesByTheHighestRate() {
    Map<String, Object> kwargs = Map.of("weight_decay", 0.5, "corrected_weight_decay", true);
    Map<String, Object> given = new LinkedHashMap<>(kwargs);
    given.put("max_lr_snapshot", 0.4);
    try (TorchOptiModule first = TorchOptiModule.of("timm.optim.Lion", kwargs);
        TorchOptiModule explicit = TorchOptiModule.of("timm.optim.Lion", given);
        TorchOptiModule none = TorchOptiModule.of("timm.optim.Lion", kwargs);
        Vector gradients = Vector.builder().copy("w", new double[] {0, 0}, 2).build();
        Vector one = Vector.builder().copy("w", new double[] {1, -2}, 2).build();
        Vector two = Vector.builder().copy("w", new double[] {1, -2}, 2).build()) {
      first.stepInPlace(one, gradients, 0.2);
      first.stepInPlace(one, gradients, 0.1);
      double left = (1 - 0.2 * 0.5) * (1 - 0.1 * 0.1 / 0.2 * 0.5);
      assertThat(one.flatten()).containsExactly(new double[] {left, -2 * left}, within(1e-15));
      explicit.stepInPlace(two, gradients, 0.2);
      left = 1 - 0.2 * 0.2 / 0.4 * 0.5;
      assertThat(two.flatten()).containsExactly(new double[] {left, -2 * left}, within(1e-15));
      assertThatThrownBy(() -> none.stepInPlace(two, gradients, 0))
          .hasMessageContaining("max_lr_snapshot");
      assertThat(two.flatten()).containsExactly(new double[] {left, -2 * left}, within(1e-15));
    }
  }

  @Test
  void evaluationWeightsAreAModeOfTheState() {
    try (TorchOptiModule module = TorchOptiModule.of("schedulefree.SGDScheduleFree");
        TorchOptiModule other = TorchOptiModule.of("schedulefree.SGDScheduleFree");
        Vector params = TorchFixtures.random(DType.FLOAT64, 1, 5, 3);
        Vector gradients = TorchFixtures.random(DType.FLOAT64, 2, 5, 3);
        Vector foreign = TorchFixtures.random(DType.FLOAT64, 2, 4)) {
      module.evalWeights(params);
      assertThatThrownBy(() -> module.run(gradients, params))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("trainWeights");
      module.trainWeights(params);
      module.stepInPlace(params, gradients, 0.5);
      module.stepInPlace(params, gradients, 0.5);
      double[] training = params.flatten();
      assertThatThrownBy(() -> module.evalWeights(foreign))
          .isInstanceOf(IllegalArgumentException.class);
      module.evalWeights(params);
      assertThat(params.flatten()).isNotEqualTo(training);
      try (State state = module.getState()) {
        other.setState(state);
      }
      assertThatThrownBy(() -> other.stepInPlace(params, gradients, 0.5))
          .isInstanceOf(IllegalStateException.class);
      other.trainWeights(params);
      assertThat(params.flatten()).containsExactly(training, within(1e-15));
      other.stepInPlace(params, gradients, 0.5);
      other.reset();
      other.evalWeights(params);
      other.reset();
      other.stepInPlace(params, gradients, 0.5);
    }
  }

  @Test
  void othersHaveNoEvaluationWeights() {
    try (TorchOptiModule module = TorchOptiModule.of("Adam");
        Vector params = TorchFixtures.random(DType.FLOAT32, 1, 2)) {
      assertThatThrownBy(() -> module.evalWeights(params))
          .isInstanceOf(UnsupportedOperationException.class)
          .hasMessageContaining("torch.optim.Adam");
    }
  }

  /** A tensor's ratio, and a norm over all tensors, whatever the module's place. */
  @Test
  void trustRatiosKnowTheWeightsInsideAPipeline() {
    Map<String, Object> kwargs = Map.of("weight_decay", 0.1);
    try (Optimizer last =
            Optimizer.builder()
                .learningRate(0.1)
                .module(TorchOptiModule.of("timm.optim.Lamb", kwargs))
                .build();
        Optimizer inside =
            Optimizer.builder()
                .learningRate(0.1)
                .module(TorchOptiModule.of("timm.optim.Lamb", kwargs))
                .module(new L2GlobalClipping(1e9))
                .build();
        Vector one = TorchFixtures.random(DType.FLOAT64, 1, 30, 4);
        Vector two = TorchFixtures.random(DType.FLOAT64, 1, 30, 4)) {
      for (int step = 0; step < 4; step++) {
        try (Vector gradients = TorchFixtures.random(DType.FLOAT64, 9 + step, 30, 4)) {
          last.step(one, gradients);
          inside.step(two, gradients);
        }
        assertThat(two.flatten()).containsExactly(one.flatten(), within(1e-13));
      }
    }
  }
}
