package org.optibridge.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.optibridge.testing.RequiresTensorflow;
import org.optibridge.testing.RequiresTorch;

@RequiresTensorflow
@RequiresTorch
class CompareCommandTest extends CommandRuns {
  /**
   * The network lies in TensorFlow's memory when TensorFlow steps it, merged or tensor by tensor.
   */
  @Test
  void bothFrameworksStepInPlace() throws IOException {
    assertThat(
            execute(
                "compare",
                "--no-progress",
                "--epochs=1",
                "--json=-",
                "-oAdam(lr=0.003, eps=1e-7)",
                "-okeras.optimizers.Adam(learning_rate=0.003)",
                "-okeras.optimizers.Lamb"))
        .isZero();
    JsonNode runs = new ObjectMapper().readTree(out.toString()).get("runs");
    assertThat(runs).hasSize(3);
    for (JsonNode run : runs) {
      assertThat(run.get("copiedBytes").asLong()).isZero();
      assertThat(run.get("initialLoss")).isEqualTo(runs.get(0).get("initialLoss"));
      assertThat(run.get("finalLoss").asDouble()).isLessThan(run.get("initialLoss").asDouble());
    }
    // The same first steps; later ones drift apart by rounding.
    for (int step = 0; step < 5; step++) {
      assertThat(runs.get(1).get("losses").get(step).asDouble())
          .isCloseTo(runs.get(0).get("losses").get(step).asDouble(), within(1e-3));
    }
  }
}
