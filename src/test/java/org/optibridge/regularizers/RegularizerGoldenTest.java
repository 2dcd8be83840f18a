package org.optibridge.regularizers;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.Registry;
import org.optibridge.optimizer.Regularizer;
import org.optibridge.optimizer.State;
import org.optibridge.testing.Golden;
import org.optibridge.vector.Vector;

/** Every recorded call of declearn's regularizers, by themselves and in a pipeline. */
class RegularizerGoldenTest {
  static List<Golden.Case> cases() {
    return Golden.cases("regularizers.json");
  }

  private static Regularizer regularizer(Golden.Case one) {
    return Registry.regularizer(one.get("regularizer").asText(), Golden.map(one.get("config")));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void givesTheRecordedGradients(Golden.Case one) {
    Regularizer regularizer = regularizer(one);
    try {
      assertThat(regularizer.getConfig()).isEqualTo(Golden.map(one.get("config")));
      int number = 0;
      for (JsonNode step : one.get("steps")) {
        for (JsonNode event : step.path("before")) {
          assertThat(event.asText()).isEqualTo("start_round");
          regularizer.startRound();
        }
        // Every call may follow a restart.
        regularizer = moved(regularizer, one);
        try (Vector gradients = Golden.vector(step.get("gradients"), one.names());
            Vector weights = Golden.vector(step.get("weights"), one.names());
            Vector updates = regularizer.run(gradients, weights).materialize()) {
          Golden.check("call " + ++number, updates, step.get("updates"), one.rtol(), one.atol());
        }
      }
      assertThat(number).isEqualTo(6);
    } finally {
      regularizer.close();
    }
  }

  private static Regularizer moved(Regularizer regularizer, Golden.Case one) {
    Regularizer fresh = regularizer(one);
    try (State state = regularizer.getState()) {
      fresh.setState(state);
    }
    regularizer.close();
    return fresh;
  }

  @ParameterizedTest
  @MethodSource("cases")
  void pipelineGivesTheRecordedGradients(Golden.Case one) {
    try (Optimizer optimizer =
        Optimizer.builder().learningRate(-1).regularizer(regularizer(one)).build()) {
      int number = 0;
      for (JsonNode step : one.get("steps")) {
        if (!step.path("before").isEmpty()) {
          optimizer.startRound();
        }
        try (Vector gradients = Golden.vector(step.get("gradients"), one.names());
            Vector weights = Golden.vector(step.get("weights"), one.names());
            Vector updates = optimizer.computeUpdates(weights, gradients)) {
          Golden.check("call " + ++number, updates, step.get("updates"), one.rtol(), one.atol());
        }
      }
    }
  }
}
