package org.optibridge.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.optibridge.testing.Golden;
import org.optibridge.testing.RequiresTorch;
import org.optibridge.vector.DType;
import org.optibridge.vector.SparseGradients;
import org.optibridge.vector.SparseRows;
import org.optibridge.vector.Vector;

/** Options that torch.optim refuses are refused here, by name, and what it accepts is accepted. */
@RequiresTorch
class TorchErrorTableTest {
  static List<Golden.Case> options() {
    return Golden.cases("native/errors.json").stream()
        .filter(one -> one.get("kind").asText().equals("hyper-parameters"))
        .toList();
  }

  /** What can't be asked for in Java, by the message that Python gives, and why. */
  private static final Map<String, String> EXCLUDED =
      Map.of(
          "should be an iterable of Tensors", "parameters are a Vector, not any object",
          "with/without names", "every tensor of a Vector has a name",
          "lr as a Tensor", "a learning rate is a number",
          "both floats or both Tensors", "betas are numbers",
          "complex parameters", "no dtype is complex");

  static List<Golden.Case> others() {
    return Golden.cases("native/errors.json").stream()
        .filter(one -> !one.get("kind").asText().equals("hyper-parameters"))
        .toList();
  }

  @ParameterizedTest
  @MethodSource("others")
  void isExcludedByTypes(Golden.Case one) {
    String message = one.get("message").asText();
    assertThat(EXCLUDED.keySet()).anyMatch(message::contains);
  }

  @ParameterizedTest
  @MethodSource("options")
  @SuppressWarnings("unchecked")
  void isDecidedAsInPython(Golden.Case one) {
    String cls = one.get("optimizer").get("class").asText();
    Map<String, Object> kwargs =
        new LinkedHashMap<>((Map<String, Object>) Golden.map(one.get("optimizer")).get("kwargs"));
    Object given = kwargs.remove("lr");
    double rate = given instanceof Number number ? number.doubleValue() : 0.01;
    if (one.get("raises").isNull()) {
      step(cls, kwargs, rate);
    } else {
      // The rate comes from the pipeline, so the last of the options is the one that is wrong.
      String wrong = kwargs.keySet().stream().reduce("learning rate", (first, last) -> last);
      assertThatThrownBy(() -> step(cls, kwargs, rate))
          .isInstanceOf(IllegalArgumentException.class)
          .message()
          .containsAnyOf(wrong, "nesterov", "SparseAdam");
    }
  }

  private static void step(String cls, Map<String, Object> kwargs, double rate) {
    try (TorchOptiModule module = TorchOptiModule.of(cls, kwargs);
        Vector params = TorchFixtures.random(DType.FLOAT32, 1, List.of(new long[] {2, 3}));
        Vector gradients = TorchFixtures.random(DType.FLOAT32, 2, List.of(new long[] {2, 3}))) {
      double[] before = params.flatten();
      if (module.spec().takesSparseOnly()) {
        String name = params.spec().names().get(0);
        try (SparseGradients rows =
            SparseGradients.of(
                SparseRows.copy(name, new long[] {0}, new float[] {1, 2, 3}, 2, 3))) {
          module.stepSparseInPlace(params, rows, rate);
        }
      } else {
        module.stepInPlace(params, gradients, rate);
      }
      assertThat(params.flatten()).isNotEqualTo(before);
    }
  }
}
