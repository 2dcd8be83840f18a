package org.optibridge.tensorflow;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.State;
import org.optibridge.testing.Golden;
import org.optibridge.testing.NoLeaks;
import org.optibridge.testing.RequiresTensorflow;
import org.optibridge.vector.Vector;

/** Muon and LossScaleOptimizer on real weights, against steps recorded from Keras. */
@ExtendWith(NoLeaks.class)
@RequiresTensorflow
class KerasRecordedTest {
  static Stream<Arguments> cases() {
    return Golden.cases("native/keras/muon_lossscale.json").stream()
        .flatMap(one -> Stream.of(true, false).map(home -> Arguments.of(one, home)));
  }

  @ParameterizedTest(name = "{0} in TensorFlow''s memory: {1}")
  @MethodSource("cases")
  @SuppressWarnings("unchecked")
  void stepsWeightsAsKerasDoes(Golden.Case one, boolean home) {
    Map<String, Object> optimizer = Golden.map(one.get("optimizer"));
    KerasOptimizer keras =
        KerasOptimizer.of(
            (String) optimizer.get("class"), (Map<String, Object>) optimizer.get("kwargs"));
    // Five products of matrices, each a sum of a few terms, and a quotient by a norm.
    double rtol = one.isDouble() ? 1e-12 : 1e-5;
    TensorflowOptiModule module = TensorflowOptiModule.of(keras);
    try (Optimizer pipeline =
            Optimizer.builder().learningRate(keras.learningRate()).module(module).build();
        Vector recorded = Golden.vector(one.get("params0"), one.names());
        TensorflowVariables variables = module.allocateWeights(recorded.spec())) {
      Vector params = home ? variables.vector() : recorded;
      if (home) {
        params.assign(recorded);
      }
      int number = 0;
      for (JsonNode step : one.get("steps")) {
        try (Vector gradients = Golden.vector(step.get("gradients"), one.names())) {
          if (step.has("scale")) {
            assertThat(module.lossScale()).isEqualTo(step.get("scale").asDouble());
          }
          pipeline.step(params, gradients);
        }
        Golden.check("step " + ++number, params, step.get("params"), rtol, rtol);
        if (step.has("counter")) {
          try (State state = module.getState()) {
            assertThat(state.number("step_counter")).isEqualTo(step.get("counter").asDouble());
          }
          assertThat(module.iterations()).isEqualTo(step.get("iterations").asLong());
        }
        goOnFromSaved(module);
      }
      assertThat(number).isGreaterThan(4);
      assertThat(KerasOptimizer.fromConfig(keras.toConfig()).toConfig())
          .isEqualTo(keras.toConfig());
    }
  }

  /** State can be taken anywhere, and gone on from. */
  private static void goOnFromSaved(TensorflowOptiModule module) {
    try (State state = module.getState()) {
      module.reset();
      module.setState(state);
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("muon")
  void theSlotsOfMuonAreThoseOfKeras(Golden.Case one) {
    Map<String, Object> kwargs = Map.of("exclude_layers", List.of("^head"));
    try (TensorflowOptiModule module = TensorflowOptiModule.of("Muon", kwargs);
        Vector gradients = Golden.vector(one.get("params0"), one.names())) {
      module.run(gradients, null);
      try (State state = module.getState()) {
        Vector velocity = state.state("slots").vector("velocity");
        for (String name : one.names()) {
          boolean muon = name.equals("dense/kernel") || name.equals("wide/kernel");
          assertThat(velocity.toDoubles(name).length == 0).as(name).isEqualTo(muon);
        }
      }
    }
  }

  static Stream<Golden.Case> muon() {
    return Golden.cases("native/keras/muon_lossscale.json").stream()
        .filter(one -> one.toString().contains("muon-1"));
  }
}
