package org.optibridge.tensorflow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What each option takes, decided one by one against Keras 3.15.1. Nothing of it loads TensorFlow.
 */
class KerasRangesTest {
  /**
   * Options of a class and what comes of them.
   *
   * @param refused part of the message; null if they are accepted
   * @param why where Keras decides otherwise
   */
  private record Row(
      String cls, Map<String, Object> kwargs, @Nullable String refused, @Nullable String why) {
    @Override
    public String toString() {
      return cls + kwargs;
    }
  }

  private static Map<String, Object> kwargs(@Nullable Object... pairs) {
    Map<String, Object> all = new LinkedHashMap<>();
    for (int i = 0; i < pairs.length; i += 2) {
      all.put((String) pairs[i], pairs[i + 1]);
    }
    return all;
  }

  private static Row refused(String cls, String message, @Nullable Object... pairs) {
    return new Row(cls, kwargs(pairs), message, null);
  }

  private static Row accepted(String cls, @Nullable Object... pairs) {
    return new Row(cls, kwargs(pairs), null, null);
  }

  /** Keras accepts it. */
  private static Row stricter(String cls, String why, String message, @Nullable Object... pairs) {
    return new Row(cls, kwargs(pairs), message, why);
  }

  static List<Row> table() {
    List<Row> rows = new ArrayList<>();
    for (String cls : KerasOptimizers.all().stream().map(KerasOptimizerSpec::name).toList()) {
      rows.addAll(
          List.of(
              refused(cls, "has no option 'bogus'", "bogus", 1.0),
              refused(cls, "'learning_rate' must be", "learning_rate", 1),
              refused(cls, "'learning_rate' must be", "learning_rate", "0.1"),
              refused(cls, "'learning_rate' must be", "learning_rate", null),
              refused(cls, "'learning_rate' must be", "learning_rate", true),
              accepted(cls, "learning_rate", -0.1),
              refused(cls, "only one way to clip", "clipnorm", 1.0, "clipvalue", 1.0),
              refused(cls, "only one way to clip", "clipnorm", 0.0, "global_clipnorm", 0.0),
              refused(cls, "only one way to clip", "clipvalue", 1, "global_clipnorm", 1),
              accepted(cls, "clipnorm", -1.0),
              accepted(cls, "clipvalue", 0),
              accepted(cls, "global_clipnorm", null, "clipnorm", null, "clipvalue", 1),
              refused(cls, "'gradient_accumulation_steps'", "gradient_accumulation_steps", 1),
              refused(cls, "'gradient_accumulation_steps'", "gradient_accumulation_steps", -2),
              accepted(cls, "gradient_accumulation_steps", 2),
              accepted(cls, "gradient_accumulation_steps", 0),
              refused(cls, "'ema_momentum'", "use_ema", true, "ema_momentum", 1.0001),
              refused(cls, "'ema_momentum'", "use_ema", true, "ema_momentum", -0.1),
              accepted(cls, "use_ema", true, "ema_momentum", 1),
              accepted(cls, "ema_momentum", 7.0),
              refused(
                  cls,
                  "'ema_overwrite_frequency'",
                  "use_ema",
                  true,
                  "ema_overwrite_frequency",
                  1.5),
              refused(
                  cls,
                  "'ema_overwrite_frequency'",
                  "use_ema",
                  true,
                  "ema_overwrite_frequency",
                  2.0),
              refused(
                  cls, "'ema_overwrite_frequency'", "use_ema", true, "ema_overwrite_frequency", -1),
              accepted(cls, "use_ema", true, "ema_overwrite_frequency", 3),
              accepted(cls, "use_ema", true, "ema_overwrite_frequency", 0),
              accepted(cls, "ema_overwrite_frequency", 1.5),
              accepted(cls, "loss_scale_factor", -2.0),
              accepted(cls, "name", "mine"),
              accepted(cls, "decay", null)));
      rows.addAll(
          List.of(
              stricter(cls, "Keras divides by zero", "'loss_scale_factor'", "loss_scale_factor", 0),
              stricter(cls, "Keras ignores it", "'decay' of the learning rate", "decay", 0.1),
              stricter(cls, "fails at the first step", "'clipnorm'", "clipnorm", "1"),
              stricter(cls, "clips nothing", "'clipnorm'", "clipnorm", Double.NaN),
              stricter(cls, "makes all steps NaN", "'learning_rate'", "learning_rate", Double.NaN),
              stricter(
                  cls,
                  "no call would be a step",
                  "'gradient_accumulation_steps'",
                  "gradient_accumulation_steps",
                  2.5),
              stricter(cls, "a boolean is no number here", "'clipvalue'", "clipvalue", true),
              stricter(cls, "a number is no boolean here", "'use_ema'", "use_ema", 1),
              stricter(cls, "a number is no boolean here", "'use_ema'", "use_ema", null)));
      rows.add(
          cls.equals("AdamW")
              ? refused(cls, "'weight_decay'", "weight_decay", null)
              : accepted(cls, "weight_decay", null));
      rows.add(accepted(cls, "weight_decay", -0.1));
      rows.add(stricter(cls, "spoils all weights", "'weight_decay'", "weight_decay", 1 / 0.0));
    }
    rows.addAll(
        List.of(
            refused("SGD", "'momentum' must be a float", "momentum", 1),
            refused("SGD", "'momentum'", "momentum", 0),
            refused("SGD", "'momentum'", "momentum", 1.01),
            refused("SGD", "'momentum'", "momentum", -1.0),
            refused("SGD", "'momentum'", "momentum", true),
            refused("SGD", "'momentum'", "momentum", null),
            accepted("SGD", "momentum", 1.0),
            accepted("SGD", "nesterov", true),
            stricter("SGD", "a number is no boolean here", "'nesterov'", "nesterov", 1),
            refused("Ftrl", "'initial_accumulator_value'", "initial_accumulator_value", -0.1),
            refused("Ftrl", "'learning_rate_power'", "learning_rate_power", 0.5),
            refused("Ftrl", "'l1_regularization_strength'", "l1_regularization_strength", -0.1),
            refused("Ftrl", "'l2_regularization_strength'", "l2_regularization_strength", -0.1),
            refused(
                "Ftrl",
                "'l2_shrinkage_regularization_strength'",
                "l2_shrinkage_regularization_strength",
                -0.1),
            accepted("Ftrl", "beta", -1.0, "learning_rate_power", 0),
            refused("Lion", "'beta_1'", "beta_1", 0.0),
            refused("Lion", "'beta_1'", "beta_1", -0.5),
            refused("Lion", "'beta_1'", "beta_1", 1.5),
            accepted("Lion", "beta_1", 1, "beta_2", 2.0),
            accepted("Adam", "beta_1", 1.5, "beta_2", -1.0, "epsilon", -1e-7),
            accepted("RMSprop", "rho", 2.0, "momentum", -1),
            accepted("Adagrad", "initial_accumulator_value", -1.0),
            accepted("Adadelta", "rho", 1),
            accepted("Adafactor", "clip_threshold", -1.0, "beta_2_decay", 0.5),
            accepted("ScheduleFreeAdamW", "warmup_steps", 10),
            stricter("Adam", "fails at the first step", "'beta_1'", "beta_1", null),
            stricter("Adam", "fails at the first step", "'epsilon'", "epsilon", "1e-7"),
            stricter("Adam", "a number is no boolean here", "'amsgrad'", "amsgrad", 0),
            accepted("Muon", "rms_rate", null, "adam_weight_decay", null, "ns_steps", -1),
            accepted("Muon", "exclude_layers", null),
            accepted("Muon", "exclude_layers", List.of("head", "^out.*")),
            stricter(
                "Muon",
                "each letter would be a pattern",
                "'exclude_layers'",
                "exclude_layers",
                "h"),
            stricter(
                "Muon",
                "fails at the first step",
                "'exclude_layers'",
                "exclude_layers",
                List.of("(")),
            stricter("Muon", "fails at the first step", "'ns_steps'", "ns_steps", 2.5),
            stricter("Muon", "the graph grows with it", "'ns_steps'", "ns_steps", 100),
            stricter("Muon", "no matrix would move", "'rms_rate'", "rms_rate", 0)));
    Object sgd = Map.of("class_name", "SGD", "config", Map.of("momentum", 0.5));
    String scale = "LossScaleOptimizer";
    rows.addAll(
        List.of(
            accepted(scale, "inner_optimizer", sgd),
            accepted(scale, "inner_optimizer", sgd, "dynamic_growth_steps", 0),
            accepted(scale, "inner_optimizer", sgd, "weight_decay", null, "use_ema", false),
            accepted(scale, "inner_optimizer", sgd, "ema_momentum", 0.99, "dynamic", true),
            refused(scale, "'dynamic' can't be", "inner_optimizer", sgd, "dynamic", false),
            refused(scale, "no 'weight_decay' of its", "inner_optimizer", sgd, "weight_decay", 0.1),
            refused(scale, "no 'clipnorm' of its own", "inner_optimizer", sgd, "clipnorm", 1.0),
            refused(scale, "no 'use_ema' of its own", "inner_optimizer", sgd, "use_ema", true),
            refused(scale, "'learning_rate'", "inner_optimizer", sgd, "learning_rate", 0.1),
            refused(scale, "did you mean 'initial_scale'", "inner_optimizer", sgd, "init_scale", 1),
            refused(scale, "needs 'inner_optimizer'"),
            refused(scale, "needs 'inner_optimizer'", "inner_optimizer", null),
            refused(scale, "has no option 'beta'", "inner_optimizer", inner("Adam", "beta", 1)),
            refused(scale, "did you mean 'Adam'", "inner_optimizer", inner("Adamm", "beta", 1)),
            stricter(
                scale,
                "every step NaN",
                "'initial_scale'",
                "inner_optimizer",
                sgd,
                "initial_scale",
                0),
            stricter(
                scale,
                "never steps",
                "'initial_scale'",
                "inner_optimizer",
                sgd,
                "initial_scale",
                1e39),
            stricter(
                scale,
                "flips all signs",
                "'initial_scale'",
                "inner_optimizer",
                sgd,
                "initial_scale",
                -2),
            stricter(
                scale,
                "never doubles",
                "'dynamic_growth_steps'",
                "inner_optimizer",
                sgd,
                "dynamic_growth_steps",
                2.5),
            stricter(
                scale,
                "two factors at once",
                "scales the loss already",
                "inner_optimizer",
                Map.of("class_name", scale, "config", Map.of("inner_optimizer", sgd)))));
    return rows;
  }

  private static Object inner(String cls, String key, Object value) {
    return Map.of("class_name", cls, "config", Map.of(key, value));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("table")
  void isDecided(Row row) {
    if (row.refused() == null) {
      KerasOptimizer made = KerasOptimizer.of(row.cls(), row.kwargs());
      assertThat(KerasOptimizer.fromConfig(made.toConfig()).toConfig()).isEqualTo(made.toConfig());
      return;
    }
    assertThatThrownBy(() -> KerasOptimizer.of(row.cls(), row.kwargs()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(row.refused());
  }

  static Stream<Row> stricterRows() {
    return table().stream().filter(row -> row.why() != null);
  }

  /** An option is checked in the same way wherever it comes from. */
  @ParameterizedTest(name = "{0}")
  @MethodSource("stricterRows")
  void isDecidedAlikeInAConfig(Row row) {
    assertThatThrownBy(
            () ->
                KerasOptimizer.fromConfig(Map.of("class_name", row.cls(), "config", row.kwargs())))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(row.refused());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{",
        "{\"class_name\": \"Adam\", \"config\": {}",
        "{\"class_name\": \"Adam\"} x",
        "[]",
        "{}",
        "{\"class_name\": 3}",
        "{\"class_name\": \"Adam\", \"config\": []}",
        "{\"class_name\": \"Adam\", \"config\": {\"beta_1\": }}",
        "{\"class_name\": \"Adam\", \"config\": {\"beta_1\": NaN}}",
        "{\"class_name\": \"Adam\", \"other\": 1}",
        "{\"module\": \"os\", \"class_name\": \"system\"}",
        "{\"class_name\": \"Adamm\", \"config\": {}}",
        "null"
      })
  void badJsonIsRefused(String json) {
    assertThatThrownBy(() -> KerasOptimizer.fromJson(json))
        .isInstanceOf(IllegalArgumentException.class)
        .message()
        .isNotBlank();
  }

  @ParameterizedTest
  @ValueSource(strings = {"Adamm", "adamw2", "RMSprob", "Adagrat", "Nadan"})
  void anUnknownNameBringsTheNearest(String name) {
    assertThatThrownBy(() -> KerasOptimizer.of(name))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("did you mean '")
        .hasMessageContaining("'" + name + "'");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "MultiOptimizer", "Optimizer", "legacy.Adam", "None", "LBFGS"})
  void otherNamesAreRefused(String name) {
    assertThatThrownBy(() -> KerasOptimizer.of(name))
        .isInstanceOf(IllegalArgumentException.class)
        .message()
        .isNotBlank();
    assertThat(Arrays.asList(KerasOptimizers.find(name))).containsOnlyNulls();
  }
}
