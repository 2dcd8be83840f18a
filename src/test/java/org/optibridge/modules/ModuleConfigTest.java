package org.optibridge.modules;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.optimizer.Registry;
import org.optibridge.optimizer.Regularizer;
import org.optibridge.optimizer.StateValues;
import org.optibridge.testing.Vectors;
import org.optibridge.vector.Vector;

class ModuleConfigTest {
  static List<Arguments> defaults() {
    Map<String, Object> adam = Map.of("beta_1", 0.9, "beta_2", 0.99, "amsgrad", false, "eps", 1e-7);
    return List.of(
        Arguments.of("momentum", Map.of("beta", 0.9, "nesterov", false)),
        Arguments.of("ewma", Map.of("beta", 0.9)),
        Arguments.of("yogi-momentum", Map.of("beta", 0.9)),
        Arguments.of("adagrad", Map.of("eps", 1e-7)),
        Arguments.of("rmsprop", Map.of("beta", 0.9, "eps", 1e-7)),
        Arguments.of("adam", adam),
        Arguments.of("yogi", adam),
        Arguments.of("l2-clipping", Map.of("max_norm", 1.0)),
        Arguments.of("l2-global-clipping", Map.of("max_norm", 1.0)),
        Arguments.of("nonfinite-guard", Map.of("action", "skip")),
        Arguments.of("weights-ema", Map.of("decay", 0.999)));
  }

  @ParameterizedTest
  @MethodSource("defaults")
  void defaultsAreDeclearns(String name, Map<String, Object> expected) {
    try (OptiModule module = Registry.module(name, Map.of())) {
      assertThat(module.getConfig()).isEqualTo(expected);
    }
  }

  static List<Arguments> others() {
    return List.of(
        Arguments.of("clip-by-value", Map.of("max_value", 0.5)),
        Arguments.of("nonfinite-guard", Map.of("action", "fail")),
        Arguments.of("gradient-accumulation", Map.of("steps", 4L)),
        Arguments.of("weights-ema", Map.of("decay", 0.0)),
        Arguments.of("adam", Map.of("beta_1", 0.0, "beta_2", 0.5, "amsgrad", true, "eps", 0.0)));
  }

  @ParameterizedTest
  @MethodSource("others")
  void configComesBack(String name, Map<String, Object> config) {
    try (OptiModule module = Registry.module(name, config)) {
      assertThat(module.name()).isEqualTo(name);
      assertThat(module.getConfig()).isEqualTo(config);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"momentum", "ewma", "yogi-momentum", "adagrad", "rmsprop", "adam", "yogi"})
  void roundResetIsWrittenAndClearsAllState(String name) {
    Map<String, Object> config = new LinkedHashMap<>(Map.of("round_reset", true));
    if (name.equals("adam") || name.equals("yogi")) {
      config.put("amsgrad", true); // declearn forgets to clear its maximum
    }
    try (OptiModule module = Registry.module(name, config);
        OptiModule keeps = Registry.module(name, Map.of());
        Vector gradients = Vectors.wb(1, -2, 3, -4)) {
      Map<String, Object> fresh = StateValues.of(module);
      module.run(gradients, null);
      keeps.run(gradients, null);
      assertThat(StateValues.of(module)).isNotEqualTo(fresh);
      Map<String, Object> kept = StateValues.of(keeps);
      module.startRound();
      keeps.startRound();
      assertThat(StateValues.of(module)).isEqualTo(fresh);
      assertThat(StateValues.of(keeps)).isEqualTo(kept);
      assertThat(module.getConfig()).containsEntry("round_reset", true);
      assertThat(keeps.getConfig()).doesNotContainKey("round_reset");
      try (OptiModule again = Registry.module(name, module.getConfig())) {
        assertThat(again.getConfig()).isEqualTo(module.getConfig());
      }
    }
  }

  static List<Arguments> wrong() {
    return List.of(
        Arguments.of("ewma", "beta", 1.0, "at least 0 and below 1, not 1.0"),
        Arguments.of("momentum", "beta", -0.1, "at least 0 and below 1, not -0.1"),
        Arguments.of("momentum", "nesterov", 1, "true or false, not 1"),
        Arguments.of("yogi-momentum", "beta", Double.NaN, "at least 0 and below 1, not NaN"),
        Arguments.of("adagrad", "eps", -1e-7, "a finite number, at least 0, not -1.0E-7"),
        Arguments.of("adagrad", "round_reset", "yes", "true or false, not yes"),
        Arguments.of("rmsprop", "beta", 2, "at least 0 and below 1, not 2.0"),
        Arguments.of("rmsprop", "eps", "small", "a number, not small"),
        Arguments.of("adam", "beta_1", 1, "at least 0 and below 1, not 1.0"),
        Arguments.of("adam", "beta_2", -1, "at least 0 and below 1, not -1.0"),
        Arguments.of("adam", "eps", 1 / 0.0, "a finite number, at least 0, not Infinity"),
        Arguments.of("yogi", "beta_2", 1, "at least 0 and below 1, not 1.0"),
        Arguments.of("yogi", "amsgrad", "no", "true or false, not no"),
        Arguments.of("l2-clipping", "max_norm", 0, "a positive finite number, not 0.0"),
        Arguments.of("l2-global-clipping", "max_norm", -1, "a positive finite number, not -1.0"),
        Arguments.of("clip-by-value", "max_value", 0, "a positive finite number, not 0.0"),
        Arguments.of("clip-by-value", "max_value", Double.NaN, "a positive finite number, not NaN"),
        Arguments.of("nonfinite-guard", "action", "stop", "'skip' or 'fail', not 'stop'"),
        Arguments.of("nonfinite-guard", "action", 1, "a text, not 1"),
        Arguments.of("gradient-accumulation", "steps", 0, "at least 1, not 0"),
        Arguments.of("gradient-accumulation", "steps", 1.5, "a whole number, not 1.5"),
        Arguments.of("weights-ema", "decay", 1, "at least 0 and below 1, not 1.0"));
  }

  @ParameterizedTest
  @MethodSource("wrong")
  void badValueIsNamed(String name, String key, Object value, String message) {
    assertThatThrownBy(() -> Registry.module(name, Map.of(key, value)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(name + ": '" + key + "' must be " + message);
  }

  @ParameterizedTest
  @ValueSource(strings = {"clip-by-value", "gradient-accumulation"})
  void whatHasNoDefaultMustBeGiven(String name) {
    assertThatThrownBy(() -> Registry.module(name, Map.of()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith(name + ": '")
        .hasMessageEndingWith("must be a number, not null");
  }

  @ParameterizedTest
  @MethodSource("defaults")
  void unknownEntryIsNamed(String name, Map<String, Object> expected) {
    assertThatThrownBy(() -> Registry.module(name, Map.of("bta", 0.5)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(name + ": unknown entry 'bta'")
        .hasMessageContaining(expected.keySet().iterator().next());
  }

  @ParameterizedTest
  @ValueSource(strings = {"fedprox", "lasso", "ridge"})
  void regularizers(String name) {
    try (Regularizer made = Registry.regularizer(name, Map.of())) {
      assertThat(made.getConfig()).isEqualTo(Map.of("alpha", 0.01));
    }
    assertThatThrownBy(() -> Registry.regularizer(name, Map.of("alpha", Double.NaN)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(name + ": 'alpha' must be a finite number, not NaN");
    assertThatThrownBy(() -> Registry.regularizer(name, Map.of("exclude", "*.bias")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(name + ": 'exclude' must be a list, not *.bias");
    assertThatThrownBy(() -> Registry.regularizer(name, Map.of("min_dims", 1.5)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(name + ": 'min_dims' must be a whole number, not 1.5");
  }
}
