package org.optibridge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/**
 * torch.optim on real weights where options change between steps, by group, gradients lack or state
 * is saved.
 */
@DisabledIfSystemProperty(named = "optibridge.native.tests", matches = "false")
class TorchReplayTest {
  @ParameterizedTest
  @ValueSource(strings = {"changes", "groups", "missing_gradients", "state/torch"})
  void recordedWeightsAreReached(String file) {
    StringWriter out = new StringWriter();
    CommandLine line = Main.commandLine();
    line.setOut(new PrintWriter(out, true));
    Path path = Path.of("src/test/resources/golden/native", file + ".json");
    assertThat(line.execute("replay", path.toString())).as(out.toString()).isZero();
    assertThat(out.toString()).contains(" passed, 0 failed, 0 skipped");
  }
}
