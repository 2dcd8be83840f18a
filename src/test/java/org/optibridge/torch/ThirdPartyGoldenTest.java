package org.optibridge.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.State;
import org.optibridge.testing.Golden;
import org.optibridge.testing.RequiresTorch;
import org.optibridge.vector.Vector;

/** Every recorded step of timm, pytorch_optimizer and schedulefree. */
@RequiresTorch
class ThirdPartyGoldenTest {
  private static final List<String> FILES =
      List.of(
          "timm_lamb",
          "timm_lars",
          "timm_lion",
          "timm_adan",
          "pytorch_optimizer_lamb",
          "pytorch_optimizer_lars",
          "pytorch_optimizer_lion",
          "pytorch_optimizer_adan",
          "pytorch_optimizer_schedulefreeadamw",
          "schedulefree_adamwschedulefree",
          "schedulefree_sgdschedulefree",
          "options");

  static List<Golden.Case> cases() {
    return FILES.stream()
        .flatMap(file -> Golden.cases("native/third_party/" + file + ".json").stream())
        .toList();
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> kwargs(Golden.Case one) {
    return new LinkedHashMap<>(
        (Map<String, Object>) Golden.map(one.get("optimizer")).get("kwargs"));
  }

  private static String name(Golden.Case one) {
    return one.get("optimizer").get("class").asText();
  }

  private static double rate(Golden.Case one) {
    Object given = kwargs(one).get("lr");
    return given instanceof Number rate
        ? rate.doubleValue()
        : TorchOptimizers.get(name(one)).defaultLearningRate();
  }

  private static TorchOptiModule module(Golden.Case one) {
    Map<String, Object> kwargs = kwargs(one);
    kwargs.remove("lr");
    return TorchOptiModule.of(name(one), kwargs);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void stepsWeightsAsRecorded(Golden.Case one) {
    TorchOptiModule module = module(one);
    try (Optimizer optimizer = Optimizer.builder().learningRate(rate(one)).module(module).build();
        Vector params = Golden.vector(one.get("params0"), one.names())) {
      int number = 0;
      for (JsonNode step : one.get("steps")) {
        number++;
        for (JsonNode event : step.path("before")) {
          optimizer.setLearningRate(event.get("set").get("lr").asDouble());
        }
        try (Vector gradients = Golden.vector(step.get("gradients"), one.names())) {
          optimizer.step(params, gradients);
          Golden.check("step " + number, params, step.get("params"), one.rtol(), one.atol());
        }
        if (step.has("eval_params")) {
          checkEval(module, params, "eval after " + number, step.get("eval_params"), one);
        }
      }
      assertThat(number).isGreaterThanOrEqualTo(4);
    }
  }

  private static void checkEval(
      TorchOptiModule module, Vector params, String place, JsonNode expected, Golden.Case one) {
    module.evalWeights(params);
    module.evalWeights(params);
    Golden.check(place, params, expected, one.rtol(), one.atol());
    assertThatThrownBy(() -> module.stepInPlace(params, params, 1))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("trainWeights");
    Golden.check(place, params, expected, one.rtol(), one.atol());
    module.trainWeights(params);
  }

  /**
   * Saved after every step into a module that has gone elsewhere, and turned to eval in between.
   */
  @ParameterizedTest
  @MethodSource("cases")
  void goesOnFromItsState(Golden.Case one) {
    try (TorchOptiModule whole = module(one);
        Vector expected = Golden.vector(one.get("params0"), one.names());
        Vector params = Golden.vector(one.get("params0"), one.names())) {
      TorchOptiModule current = module(one);
      try {
        for (JsonNode step : one.get("steps")) {
          try (Vector gradients = Golden.vector(step.get("gradients"), one.names());
              State state = current.getState();
              Vector astray = params.materialize()) {
            current.close();
            current = module(one);
            current.stepInPlace(astray, gradients, 0.5);
            current.setState(state);
            current.stepInPlace(params, gradients, rate(one));
            whole.stepInPlace(expected, gradients, rate(one));
          }
          assertThat(params.flatten()).isEqualTo(expected.flatten());
        }
      } finally {
        current.close();
      }
    }
  }
}
