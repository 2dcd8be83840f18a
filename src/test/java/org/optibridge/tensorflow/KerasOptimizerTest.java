package org.optibridge.tensorflow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.optibridge.testing.Golden;
import org.optibridge.trust.ImportRefusedException;

/** Names, options and configs of Keras's. None of it loads TensorFlow. */
class KerasOptimizerTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "adam",
        "Adam",
        "keras.optimizers.Adam",
        "keras.optimizers.adam.Adam",
        "keras.src.optimizers.adam.Adam",
        "tf.keras.optimizers.Adam",
        "tensorflow.keras.optimizers.Adam"
      })
  void aNameIsUnderstoodInAllItsForms(String name) {
    assertThat(KerasOptimizers.get(name).qualifiedName()).isEqualTo("keras.optimizers.Adam");
  }

  @Test
  void anUnknownNameIsRefusedWithTheNearest() {
    assertThatThrownBy(() -> KerasOptimizer.of("keras.optimizers.Adamm"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("did you mean 'Adam'?");
    assertThatThrownBy(() -> KerasOptimizer.of("LossScaleOptimizer"))
        .hasMessageContaining("needs 'inner_optimizer'");
  }

  @Test
  void anotherPackagesClassIsNotLoaded() {
    assertThatThrownBy(() -> TensorflowOptiModule.of("com.example.Adam"))
        .isInstanceOf(ImportRefusedException.class)
        .hasMessageContaining("nothing was loaded");
    assertThatThrownBy(
            () ->
                KerasOptimizer.fromConfig(
                    Map.of("module", "evil.optimizers", "class_name", "Adam")))
        .hasMessageContaining("evil.optimizers.Adam");
  }

  @Test
  void aConfigIsReadAsKerasWritesIt() {
    KerasOptimizer optimizer =
        KerasOptimizer.fromJson(
            "{\"module\": \"keras.optimizers\", \"class_name\": \"AdamW\", \"config\": {\"name\":"
                + " \"adamw\", \"learning_rate\": 0.01, \"weight_decay\": 0.1, \"clipnorm\": null,"
                + " \"beta_1\": 0.8}, \"registered_name\": null}");
    assertThat(optimizer.spec().name()).isEqualTo("AdamW");
    assertThat(optimizer.learningRate()).isEqualTo(0.01);
    assertThat(optimizer.options())
        .containsEntry("beta_1", 0.8)
        .containsEntry("beta_2", 0.999)
        .containsEntry("weight_decay", 0.1);
    assertThat(optimizer.with("beta_1", 0.7).options()).containsEntry("beta_1", 0.7);
    assertThat(KerasOptimizer.fromConfig(optimizer.toConfig()).toConfig())
        .isEqualTo(optimizer.toConfig());
  }

  @Test
  void aScheduleIsReplacedByTheRateOfThePipeline() {
    Map<String, Object> schedule =
        Map.of("class_name", "ExponentialDecay", "config", Map.of("decay_rate", 0.5));
    KerasOptimizer optimizer = KerasOptimizer.of("SGD", Map.of("learning_rate", schedule));
    assertThat(((Map<?, ?>) optimizer.toConfig().get("config")).get("learning_rate"))
        .isEqualTo(1.0);
  }

  @Test
  void whatCantBeHonouredIsRefused() {
    assertThatThrownBy(() -> KerasOptimizer.of("Adam", Map.of("beta1", 0.9)))
        .hasMessageContaining("no option 'beta1'; did you mean 'beta_1'?");
    assertThatThrownBy(() -> KerasOptimizer.of("Adam", Map.of("clipnorm", 1.0, "clipvalue", 1.0)))
        .hasMessageContaining("only one way to clip");
    assertThatThrownBy(() -> KerasOptimizer.of("SGD", Map.of("momentum", 1)))
        .hasMessageContaining("'momentum' must be a float (1.0, not 1)");
    assertThatThrownBy(() -> KerasOptimizer.of("SGD", Map.of("gradient_accumulation_steps", 1)))
        .hasMessageContaining("'gradient_accumulation_steps'");
    assertThatThrownBy(() -> KerasOptimizer.of("SGD", Map.of("use_ema", true, "ema_momentum", 1.5)))
        .hasMessageContaining("'ema_momentum'");
    assertThatThrownBy(() -> KerasOptimizer.of("Adam", Map.of("epsilon", Double.NaN)))
        .hasMessageContaining("'epsilon' must be a finite number, not NaN");
    assertThatThrownBy(() -> KerasOptimizer.of("Adam", Map.of("amsgrad", 1)))
        .hasMessageContaining("'amsgrad' must be true or false");
  }

  static List<Golden.Case> ranges() {
    return Golden.cases("native/keras/errors.json").stream()
        .filter(one -> one.get("kind").asText().equals("hyper-parameters"))
        .toList();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("ranges")
  @SuppressWarnings("unchecked")
  void rangesAreThoseOfKeras(Golden.Case one) {
    JsonNode optimizer = one.get("optimizer");
    Map<String, Object> kwargs = (Map<String, Object>) Golden.map(optimizer).get("kwargs");
    String cls = optimizer.get("class").asText();
    if (one.get("raises").isNull()) {
      KerasOptimizer made = KerasOptimizer.of(cls, kwargs);
      if (made.lossScale() == null) {
        assertThat(made.options()).containsAllEntriesOf(kwargs);
      }
    } else {
      assertThatThrownBy(() -> KerasOptimizer.of(cls, kwargs))
          .isInstanceOf(IllegalArgumentException.class)
          .message()
          .matches(
              text -> kwargs.keySet().stream().anyMatch(key -> text.contains("'" + key + "'")));
    }
  }
}
