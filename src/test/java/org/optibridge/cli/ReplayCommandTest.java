package org.optibridge.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.optibridge.memory.NativeMemory;
import org.optibridge.optimizer.Registry;
import org.optibridge.testing.RequiresTensorflow;
import org.optibridge.testing.RequiresTorch;
import picocli.CommandLine;

/** The replay command on recorded cases and on copies of them with a fault. */
class ReplayCommandTest extends CommandRuns {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Path GOLDEN = Path.of("src/test/resources/golden");

  @TempDir Path folder;

  private int run(Object... args) {
    List<String> words = new ArrayList<>(List.of("replay"));
    for (Object arg : args) {
      words.add(arg.toString());
    }
    return execute(words.toArray(String[]::new));
  }

  /** A copy of a recorded file with only one case, changed. */
  private Path changed(String resource, String name, Consumer<ObjectNode> change)
      throws IOException {
    ObjectNode document = (ObjectNode) JSON.readTree(GOLDEN.resolve(resource).toFile());
    ArrayNode cases = document.putArray("cases");
    for (JsonNode one : JSON.readTree(GOLDEN.resolve(resource).toFile()).get("cases")) {
      if (one.get("name").asText().equals(name)) {
        cases.add(one);
        change.accept((ObjectNode) one);
      }
    }
    assertThat(cases).as(name).hasSize(1);
    Path file = folder.resolve("changed.json");
    JSON.writeValue(file.toFile(), document);
    return file;
  }

  private static void add(JsonNode data, int position, double value) {
    ArrayNode list = (ArrayNode) data;
    list.set(position, JSON.getNodeFactory().numberNode(list.get(position).asDouble() + value));
  }

  private void passes(int cases, Path... files) {
    long handles = NativeMemory.liveHandles();
    long bytes = NativeMemory.liveBytes();
    assertThat(run((Object[]) files)).as(out.toString()).isZero();
    assertThat(out.toString())
        .endsWith(cases + " passed, 0 failed, 0 skipped" + System.lineSeparator());
    assertThat(NativeMemory.liveHandles()).isEqualTo(handles);
    assertThat(NativeMemory.liveBytes()).isEqualTo(bytes);
  }

  @Test
  void vectorsPass() {
    passes(3, GOLDEN.resolve("vectors.json"));
    assertThat(out.toString()).contains("PASS vectors/numpy-float64 ");
  }

  @Test
  void coreCasesPass() {
    assertThat(run(GOLDEN.resolve("replay/core.json"))).isZero();
    assertThat(out.toString())
        .contains("PASS core/momentum-round-reset ", "PASS pipelines/sgd-decay-numpy ")
        .contains("1 of level error, quirk or fact are tables for tests: not run")
        .endsWith("5 passed, 0 failed, 0 skipped" + System.lineSeparator());
  }

  @Test
  @RequiresTorch
  void torchCasesPass() {
    passes(9, GOLDEN.resolve("replay/torch.json"), GOLDEN.resolve("replay/native.json"));
  }

  @Test
  @RequiresTorch
  void sparseGradientsAndClosuresPass() {
    passes(
        8, GOLDEN.resolve("native/grid_sparseadam.json"), GOLDEN.resolve("native/grid_lbfgs.json"));
  }

  @Test
  @RequiresTorch
  void changedSampleFailsAndUnknownLossIsSkipped() throws IOException {
    Path file =
        changed(
            "native/grid_lbfgs.json",
            "torch-grid/lbfgs-02-float64",
            one -> add(one.at("/samples/3/params/x/data"), 2, 1));
    assertThat(run(file)).isEqualTo(CommandLine.ExitCode.SOFTWARE);
    assertThat(out.toString()).contains("FAIL ", "step 4, params, x[2]: expected ");
    file =
        changed(
            "native/grid_lbfgs.json",
            "torch-grid/lbfgs-02-float64",
            one -> ((ObjectNode) one.at("/objective")).put("kind", "unheard-of"));
    assertThat(run(file)).isZero();
    assertThat(out.toString()).contains("SKIP ", "objective 'unheard-of' is not known");
  }

  @Test
  @RequiresTorch
  void sparseRowOutOfRangeIsAnError() throws IOException {
    Path file =
        changed(
            "native/grid_sparseadam.json",
            "torch-grid/sparseadam-00-float32",
            one -> add(one.at("/steps/1/gradients/embed/indices"), 0, 6));
    assertThat(run(file)).isEqualTo(CommandLine.ExitCode.SOFTWARE);
    assertThat(out.toString()).contains("ERROR ", "'embed'", "row 6 at position 0");
  }

  @Test
  @RequiresTensorflow
  void tensorflowCasesPass() {
    passes(7, GOLDEN.resolve("tensorflow/adam.json"));
    passes(2, GOLDEN.resolve("native/keras/options_lamb.json"));
    passes(1, GOLDEN.resolve("native/keras/ema.json"));
  }

  @Test
  void schedulersPass() {
    assumeTrue(Registry.schedulers().contains("warmup"));
    passes(3, GOLDEN.resolve("replay/schedulers.json"));
  }

  @Test
  void scaffoldPasses() {
    assumeTrue(Registry.modules().contains("scaffold-client"));
    passes(1, GOLDEN.resolve("replay/scaffold.json"));
  }

  @Test
  void changedUpdateFailsWithItsPlace() throws IOException {
    Path file =
        changed(
            "replay/core.json",
            "core/momentum-default-float32",
            one -> add(one.at("/steps/2/updates/w1/data"), 7, 1));
    long handles = NativeMemory.liveHandles();
    assertThat(run(file)).isEqualTo(CommandLine.ExitCode.SOFTWARE);
    assertThat(out.toString())
        .contains("FAIL core/momentum-default-float32 1.00e+00 ")
        .contains("step 3, updates, w1[2, 1]: expected ", ", got ", "off by ")
        .endsWith("0 passed, 1 failed, 0 skipped" + System.lineSeparator());
    assertThat(NativeMemory.liveHandles()).isEqualTo(handles);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          core  | core/momentum-default-float32       | /state/velocity/coefs/b1/data    | the last state, velocity, b1[1]
          core  | core/momentum-default-float32       | /steps/2/state/velocity/coefs/s/data | step 3, state, velocity, s[0]
          core  | roundtrip/core-momentum             | /steps/3/updates/c/data          | step 4, updates, c[0, 0, 1]
          core  | regularizers/fedprox-0.01-numpy-float64 | /steps/1/updates/b1/data     | step 2, updates, b1[1]
          core  | pipelines/sgd-decay-numpy           | /steps/4/params/b1/data          | step 5, params, b1[1]
          core  | pipelines/sgd-decay-numpy           | /steps/4/updates/b1/data         | step 5, updates, b1[1]
          """)
  void everyRecordedPartCounts(String file, String name, String pointer, String where)
      throws IOException {
    Path changed =
        changed(
            "replay/" + file + ".json",
            name,
            one -> add(one.at(pointer), where.contains(" s[") ? 0 : 1, 3));
    assertThat(run(changed)).isEqualTo(CommandLine.ExitCode.SOFTWARE);
    assertThat(out.toString()).contains("FAIL ", where + ": expected ");
  }

  @ParameterizedTest
  @RequiresTorch
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          torch  | roundtrip/torch-adam-custom    | /state/state/1/1/exp_avg/data           | the last state, exp_avg, b1[1]
          torch  | roundtrip/torch-adam-custom    | /steps/2/state/state/0/1/exp_avg_sq/data | step 3, state, exp_avg_sq, w1[0, 1]
          native | torch-groups/02-adamw-float32  | /steps/7/params/b/data                  | step 8, params, b[1]
          native | state-torch/rmsprop-float32    | /state_dict/state/1/square_avg/data     | state_dict, square_avg, b[1]
          native | state-torch/rmsprop-float32    | /steps_before/5/params/b/data           | step before 6, params, b[1]
          """)
  void everyRecordedPartOfTorchCounts(String file, String name, String pointer, String where)
      throws IOException {
    everyRecordedPartCounts(file, name, pointer, where);
  }

  /** As in the origin, where a framework's optimizer never sees a pipeline's weights. */
  @Test
  @RequiresTorch
  void ownDecayHasNoEffectInPipelines() throws IOException {
    Path file =
        changed(
            "replay/torch.json",
            "pipelines/torch-sgd-momentum-float64",
            one -> ((ObjectNode) one.at("/config/modules/0/1/kwargs")).put("weight_decay", 0.5));
    passes(1, file);
  }

  @ParameterizedTest
  @CsvSource({"lrate, 'step 3, lrate'", "w_decay, 'step 3, w_decay'"})
  void changedRateFails(String key, String where) throws IOException {
    Path file =
        changed(
            "replay/core.json",
            "pipelines/sgd-decay-numpy",
            one -> ((ObjectNode) one.at("/steps/2")).put(key, 0.25));
    assertThat(run(file)).isEqualTo(CommandLine.ExitCode.SOFTWARE);
    assertThat(out.toString()).contains("FAIL ", where + ": expected 0.25, got 0.");
  }

  @ParameterizedTest
  @ValueSource(strings = {"nan", "inf", "-inf"})
  void nonFiniteIsOnlyEqualToItself(String value) throws IOException {
    Path file =
        changed(
            "replay/core.json",
            "core/momentum-default-float32",
            one ->
                ((ArrayNode) one.at("/steps/0/updates/b1/data"))
                    .set(0, JSON.getNodeFactory().textNode(value)));
    assertThat(run("--json", file)).isEqualTo(CommandLine.ExitCode.SOFTWARE);
    assertThat(out.toString()).contains("\"maxAbs\":\"inf\"");
    out.getBuffer().setLength(0);
    Path both =
        changed(
            "replay/core.json",
            "core/momentum-default-float32",
            one -> {
              ArrayNode steps = (ArrayNode) one.get("steps");
              while (steps.size() > 1) {
                steps.remove(1);
              }
              one.remove("state");
              for (String part : List.of("gradients", "updates")) {
                ((ArrayNode) one.at("/steps/0/" + part + "/b1/data"))
                    .set(0, JSON.getNodeFactory().textNode(value));
              }
            });
    assertThat(run(both)).as(out.toString()).isZero();
  }

  @Test
  void oneBadCaseLeavesTheOthersAlone() throws IOException {
    ObjectNode document = (ObjectNode) JSON.readTree(GOLDEN.resolve("replay/core.json").toFile());
    ArrayNode cases = (ArrayNode) document.get("cases");
    ((ObjectNode) cases.get(0)).put("module", "momentun");
    ((ObjectNode) cases.at("/1/steps/1/gradients/w1")).putArray("data").add(1);
    ((ObjectNode) cases.get(2)).remove("tolerance");
    ((ObjectNode) cases.get(3)).put("level", "regulariser");
    Path file = folder.resolve("bad.json");
    JSON.writeValue(file.toFile(), document);
    assertThat(run(file)).isEqualTo(CommandLine.ExitCode.SOFTWARE);
    assertThat(out.toString())
        .contains("ERROR core/momentum-default-float32 - -", "registered as 'momentun'; known: ")
        .contains("'steps[1].gradients.w1' has 1 values, but its shape [4, 3] has 12")
        .contains("the case lacks the field 'tolerance'")
        .contains("'level' is \"regulariser\"; known: [module, native, ")
        .endsWith("1 passed, 4 failed, 0 skipped" + System.lineSeparator());
  }

  @Test
  void unreadableFilesAreNamed() throws IOException {
    Path broken = folder.resolve("broken.json");
    String text = Files.readString(GOLDEN.resolve("vectors.json"));
    Files.writeString(broken, text.substring(0, text.length() / 2));
    Path other = folder.resolve("other.json");
    Files.writeString(other, "{\"schema\": \"optim-golden/9\", \"cases\": []}");
    assertThat(run(broken, other, GOLDEN.resolve("vectors.json")))
        .isEqualTo(CommandLine.ExitCode.SOFTWARE);
    assertThat(err.toString())
        .contains(broken + ": no valid JSON at line ")
        .contains(other + ": has the schema \"optim-golden/9\"; this version reads");
    assertThat(out.toString()).contains("3 passed, 0 failed, 0 skipped");
  }

  @Test
  void missingFileIsRefused() {
    assertThat(run(GOLDEN.resolve("vectors.json"), folder.resolve("none.json")))
        .isEqualTo(CommandLine.ExitCode.USAGE);
    assertThat(err.toString()).contains("none.json: no such file or folder").hasLineCount(1);
    assertThat(out.toString()).isEmpty();
  }

  @Test
  void nothingToRunIsNoSuccess() {
    assertThat(run(GOLDEN.resolve("vectors.json"), "--filter", "nothing*"))
        .isEqualTo(CommandLine.ExitCode.SOFTWARE);
    assertThat(err.toString()).contains("no case was found");
  }

  @Test
  void jsonOfFolderWithFilter() throws IOException {
    Files.writeString(folder.resolve("index.json"), "no cases", StandardCharsets.UTF_8);
    Files.createDirectory(folder.resolve("inner"));
    Files.copy(GOLDEN.resolve("vectors.json"), folder.resolve("inner/vectors.json"));
    Files.copy(GOLDEN.resolve("replay/core.json"), folder.resolve("core.json"));
    assertThat(run("--json", "--filter", "*/*-default-float32", folder)).isZero();
    JsonNode document = JSON.readTree(out.toString());
    assertThat(document.get("passed").asInt()).isEqualTo(1);
    assertThat(document.get("failed").asInt()).isZero();
    assertThat(document.get("skipped").asInt()).isZero();
    JsonNode passed = document.at("/cases/0");
    assertThat(passed.get("name").asText()).isEqualTo("core/momentum-default-float32");
    assertThat(passed.get("status").asText()).isEqualTo("PASS");
    assertThat(passed.get("maxAbs").asDouble()).isBetween(0.0, 1e-3);
    assertThat(passed.get("maxRel").asDouble()).isBetween(0.0, 1e-5);
    assertThat(passed.get("where").isNull()).isTrue();
    assertThat(document.at("/cases/1").isMissingNode()).isTrue();
  }
}
