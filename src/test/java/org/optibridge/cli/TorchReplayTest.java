package org.optibridge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.optibridge.testing.RequiresTorch;
import picocli.CommandLine;

/**
 * torch.optim on real weights where options change between steps, by group, gradients lack or state
 * is saved.
 */
@RequiresTorch
class TorchReplayTest {
  private static final Path NATIVE = Path.of("src/test/resources/golden/native");

  private static String replay(int status, Path path) {
    StringWriter out = new StringWriter();
    CommandLine line = Main.commandLine();
    line.setOut(new PrintWriter(out, true));
    assertThat(line.execute("replay", path.toString())).as(out.toString()).isEqualTo(status);
    return out.toString();
  }

  /** The recorded case of NAdam with another file in the place of the state's. */
  private static Path withFile(Path folder, String name) throws IOException {
    ObjectMapper json = new ObjectMapper();
    ObjectNode document = (ObjectNode) json.readTree(NATIVE.resolve("state/torch.json").toFile());
    ArrayNode cases = document.putArray("cases");
    for (JsonNode one : json.readTree(NATIVE.resolve("state/torch.json").toFile()).get("cases")) {
      if (one.get("name").asText().equals("state-torch/nadam-float32")) {
        ((ObjectNode) one.get("safetensors")).put("file", name);
        cases.add(one);
      }
    }
    Path file = folder.resolve("case.json");
    json.writeValue(file.toFile(), document);
    return file;
  }

  @Test
  void theRecordedFileCounts(@TempDir Path folder) throws IOException {
    Path recorded = NATIVE.resolve("state/files/nadam-float32.safetensors");
    Files.copy(recorded, folder.resolve("good"));
    assertThat(replay(0, withFile(folder, "good"))).contains("1 passed").doesNotContain("not cont");
    assertThat(replay(0, withFile(folder, "none")))
        .contains("1 passed", "not continued from none: the file is not there");
    assertThat(replay(1, withFile(folder, "../good"))).contains("'safetensors.file' must be");
    byte[] bytes = Files.readAllBytes(recorded);
    bytes[bytes.length - 2] ^= 64; // the last count of steps
    Files.write(folder.resolve("wrong"), bytes);
    assertThat(replay(1, withFile(folder, "wrong"))).containsAnyOf("recorded file", "no count");
    Files.write(folder.resolve("wrong"), new byte[] {1, 2, 3});
    assertThat(replay(1, withFile(folder, "wrong"))).contains("ERROR", "3 bytes");
  }

  @ParameterizedTest
  @ValueSource(strings = {"changes", "groups", "missing_gradients", "state/torch"})
  void recordedWeightsAreReached(String file) {
    assertThat(replay(0, NATIVE.resolve(file + ".json"))).contains(" passed, 0 failed, 0 skipped");
  }
}
