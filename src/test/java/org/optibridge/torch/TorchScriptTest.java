package org.optibridge.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Random;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.optibridge.memory.NativeMemory;
import org.optibridge.memory.OptiBridgeException;
import org.optibridge.testing.RequiresTorch;
import org.optibridge.vector.DType;
import org.optibridge.vector.Vector;

/** Steps exported as TorchScript: what they compute, and archives that do not keep the contract. */
@RequiresTorch
class TorchScriptTest {
  /** Written by export_optimizer.py from samples/own-program/steps.py. */
  static final Path LAMB = Path.of("src/test/resources/own/lamb.pt");

  @TempDir Path folder;

  private TorchImport lion(String metadata, String source) {
    return ScriptArchives.open(ScriptArchives.write(folder.resolve("lion.pt"), metadata, source));
  }

  private TorchImport lion() {
    return lion(ScriptArchives.LION_METADATA, ScriptArchives.LION);
  }

  private static String body(String... lines) {
    return ScriptArchives.forward(ScriptArchives.LION_INPUTS + ") -> Tuple[Tensor, Tensor]", lines);
  }

  @Test
  void lambFollowsItsRule() {
    TorchImport lamb = ScriptArchives.open(LAMB);
    assertThat(lamb.spec().qualifiedName()).isEqualTo("program:Lamb");
    assertThat(lamb.spec().defaultLearningRate()).isEqualTo(1e-3);
    OwnSteps.followsTheRule(() -> lamb.module(OwnSteps.LAMB_OPTIONS), OwnSteps.LAMB, 2);
    OwnSteps.goesOnFromItsState(() -> lamb.module(OwnSteps.LAMB_OPTIONS));
    OwnSteps.modulesShareTheirCode(() -> lamb.module(OwnSteps.LAMB_OPTIONS));
  }

  @Test
  void lionFollowsItsRule() {
    TorchImport lion = lion();
    OwnSteps.followsTheRule(() -> lion.module(OwnSteps.LION_OPTIONS), OwnSteps.LION, 1);
    OwnSteps.goesOnFromItsState(() -> lion.module(OwnSteps.LION_OPTIONS));
    OwnSteps.modulesShareTheirCode(() -> lion.module(OwnSteps.LION_OPTIONS));
    OwnSteps.largeTensorsMoveAsTheirParts(() -> lion.module(OwnSteps.LION_OPTIONS));
    OwnSteps.largeTensorsMoveAsTheirParts(
        () -> lion.module(Map.of("weight_decay", 0.1, "fused", false)));
  }

  @Test
  void writingInPlaceCopiesNothing() {
    TorchImport lion =
        lion(
            ScriptArchives.LION_METADATA.replace("\"in_place\": false", "\"in_place\": true"),
            ScriptArchives.forward(
                ScriptArchives.LION_INPUTS + ") -> None",
                "d = torch.sign(torch.add(torch.mul(beta1, exp_avg),"
                    + " torch.mul(torch.rsub(beta1, 1), grad)))",
                "_0 = torch.mul_(param, torch.rsub(torch.mul(lr, weight_decay), 1))",
                "_1 = torch.sub_(param, torch.mul(lr, d))",
                "_2 = torch.mul_(exp_avg, beta2)",
                "_3 = torch.add_(exp_avg, torch.mul(torch.rsub(beta2, 1), grad))",
                "return None"));
    OwnSteps.followsTheRule(() -> lion.module(OwnSteps.LION_OPTIONS), OwnSteps.LION, 1);
    assertThat(copies(lion)).isZero();
  }

  @Test
  void resultsThatAreCopiedAreCounted() {
    // Weights and exp_avg, of 100 float32 elements each.
    assertThat(copies(lion())).isEqualTo(800);
  }

  private static long copies(TorchImport program) {
    try (TorchOptiModule module = program.module(Map.of());
        Vector params = TorchFixtures.random(DType.FLOAT32, 1, 100);
        Vector gradients = TorchFixtures.random(DType.FLOAT32, 2, 100)) {
      module.stepInPlace(params, gradients, 0.1);
      long before = NativeMemory.copiedBytes();
      module.stepInPlace(params, gradients, 0.1);
      return NativeMemory.copiedBytes() - before;
    }
  }

  /** A result may be what another one is copied to. */
  @Test
  void resultsMayBeInputs() {
    TorchImport swap = lion(ScriptArchives.LION_METADATA, body("return (exp_avg, param)"));
    try (TorchOptiModule module = swap.module(Map.of());
        Vector params = Vector.builder().copy("w", new float[] {1, 2, 3}, 3).build();
        Vector gradients = TorchFixtures.random(DType.FLOAT32, 2, 3)) {
      Vector named = Vector.builder().copy("w", new float[] {1, 1, 1}, 3).build();
      module.stepInPlace(params, named, 0.1);
      assertThat(params.toFloats("w")).containsExactly(0, 0, 0);
      module.stepInPlace(params, named, 0.1);
      assertThat(params.toFloats("w")).containsExactly(1, 2, 3);
      named.close();
      assertThat(gradients.spec().size()).isEqualTo(1);
    }
  }

  @Test
  void shapesAreKeptIfAskedFor() {
    TorchImport rows =
        lion(
            """
            {"format": 1, "name": "Rows", "flat": false}
            """,
            ScriptArchives.forward(
                "param: Tensor, grad: Tensor, step: Tensor, lr: Tensor) -> Tensor",
                "return torch.sub(param, torch.mul(lr, torch.sum(grad, [1], True)))"));
    try (TorchOptiModule module = rows.module(Map.of());
        Vector params = Vector.builder().copy("w", new float[4], 2, 2).build();
        Vector gradients = Vector.builder().copy("w", new float[] {1, 2, 3, 4}, 2, 2).build();
        Vector flat = Vector.builder().copy("v", new float[2], 2).build();
        Vector slopes = Vector.builder().copy("v", new float[2], 2).build()) {
      module.stepInPlace(params, gradients, 1);
      assertThat(params.toFloats("w")).containsExactly(-3, -3, -7, -7);
      module.reset();
      assertThatThrownBy(() -> module.stepInPlace(flat, slopes, 1))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("the program Rows fails on a parameter of shape [2]")
          .hasMessageContaining("Dimension out of range");
    }
    OwnSteps.othersWork();
  }

  @Test
  void optionsAreChecked() {
    TorchImport lion = lion();
    for (Object wrong : new Object[] {1.0, -0.1, Double.NaN, Double.POSITIVE_INFINITY, "x", true}) {
      assertThatThrownBy(() -> lion.module(Map.of("beta1", wrong)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("program:Lion: 'beta1' must be a");
    }
    assertThatThrownBy(() -> lion.module(Map.of("beta1", 1.0))).hasMessageContaining("[0, 1)");
    assertThatThrownBy(() -> lion.module(Map.of("beta3", 1.0)))
        .hasMessageContaining("program:Lion has no option 'beta3'; did you mean 'beta1'");
    assertThatThrownBy(() -> lion.module(Map.of("lr", 0.1))).hasMessageContaining("learningRate");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "'{' | bad JSON",
        "'[]' | is no JSON object",
        "'{\"name\": \"A\"}' | 'format' of optibridge.json must be a finite number",
        "'{\"format\": 2, \"name\": \"A\"}' | its format is 2.0, this optibridge reads 1",
        "'{\"format\": 1}' | 'name' of optibridge.json must be an identifier",
        "'{\"format\": 1, \"name\": \"a b\"}' | must be an identifier",
        "'{\"format\": 1, \"name\": \"A\", \"name\": \"B\"}' | 'name' is there twice",
        "'{\"format\": 1, \"name\": \"A\", \"extra\": 1}' | unknown entries [extra]",
        "'{\"format\": 1, \"name\": \"A\", \"learning_rate\": -1}' | 'learning_rate' must be >= 0",
        "'{\"format\": 1, \"name\": \"A\", \"learning_rate\": 1e999}' | must be a finite number",
        "'{\"format\": 1, \"name\": \"A\", \"options\": 1}' | 'options' of optibridge.json must be a list",
        "'{\"format\": 1, \"name\": \"A\", \"options\": [{\"name\": \"lr\", \"default\": 1}]}' | stand for something else",
        "'{\"format\": 1, \"name\": \"A\", \"options\": [{\"name\": \"a\"}]}' | 'default' of an option must be",
        "'{\"format\": 1, \"name\": \"A\", \"options\": [{\"name\": \"a\", \"default\": 2, \"maximum\": 1}]}' | the default of option 'a'",
        "'{\"format\": 1, \"name\": \"A\", \"options\": [{\"name\": \"a\", \"default\": 0.5, \"type\": \"int\"}]}' | the default of option 'a'",
        "'{\"format\": 1, \"name\": \"A\", \"options\": [{\"name\": \"a\", \"default\": 1, \"type\": \"str\"}]}' | the type str",
        "'{\"format\": 1, \"name\": \"A\", \"state\": [{\"name\": \"step\"}]}' | stand for something else",
        "'{\"format\": 1, \"name\": \"A\", \"state\": [{\"name\": \"m\", \"kind\": \"row\"}]}' | of the kind row",
        "'{\"format\": 1, \"name\": \"A\", \"element_wise\": true, \"flat\": false}' | 'element_wise' needs 'flat'",
        "'{\"format\": 1, \"name\": \"A\", \"flat\": \"yes\"}' | 'flat' of optibridge.json must be true or false"
      })
  void metadataIsChecked(String metadata, String text) {
    assertThatThrownBy(() -> lion(metadata, ScriptArchives.LION))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("The exported program '" + folder.resolve("lion.pt") + "'")
        .hasMessageContaining("its optibridge.json is wrong: ")
        .hasMessageContaining(text);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "param: Tensor, grad: Tensor) -> Tuple[Tensor, Tensor]",
        "param: Tensor, grad: Tensor, step: Tensor, lr: float, beta1: Tensor, beta2: Tensor,"
            + " weight_decay: Tensor, exp_avg: Tensor) -> Tuple[Tensor, Tensor]",
        "param: Tensor, grad: Tensor, step: Tensor, lr: Tensor, beta2: Tensor, beta1: Tensor,"
            + " weight_decay: Tensor, exp_avg: Tensor) -> Tuple[Tensor, Tensor]"
      })
  void wrongInputsAreNamed(String signature) {
    assertThatThrownBy(
            () ->
                lion(
                    ScriptArchives.LION_METADATA,
                    ScriptArchives.forward(signature, "return (param, grad)")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(
            "must have the method forward(param: Tensor, grad: Tensor, step: Tensor, lr: Tensor,"
                + " beta1: Tensor, beta2: Tensor, weight_decay: Tensor, exp_avg: Tensor) ->"
                + " (Tensor, Tensor), by what its optibridge.json says, but has forward(");
    OwnSteps.othersWork();
  }

  @ParameterizedTest
  @ValueSource(strings = {"Tensor|param", "Tuple[Tensor]|(param,)", "None|None", "int|1"})
  void wrongReturnsAreNamed(String text) {
    String[] parts = text.split("\\|", 2);
    assertThatThrownBy(
            () ->
                lion(
                    ScriptArchives.LION_METADATA,
                    ScriptArchives.forward(
                        ScriptArchives.LION_INPUTS + ") -> " + parts[0], "return " + parts[1])))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("-> (Tensor, Tensor), by what its optibridge.json says");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "return (torch.to(param, 7), exp_avg) | returned CPUDoubleType",
        "return (param, torch.sum(exp_avg)) | as new 'exp_avg' and must return",
        "return (torch.cat([param, param]), exp_avg) | as new 'param'",
        "return (torch.matmul(param, torch.cat([grad, grad])), exp_avg) | inconsistent tensor size",
        "return (torch.sub(param, torch.mul_(grad, 2)), exp_avg) | writes to its gradient",
        "return (torch.sub(param, torch.add_(lr, 1)), exp_avg) | writes to its gradient, step, lr"
      })
  void wrongResultsChangeNothing(String line, String text) {
    OwnSteps.failsWithoutTrace(
        lion(ScriptArchives.LION_METADATA, body(line)).module(Map.of()), "program Lion", text);
  }

  @Test
  void exceptionsOfTheProgramComeThrough() {
    String metadata = ScriptArchives.LION_METADATA.replace("\"element_wise\": true,", "");
    TorchImport angry =
        lion(
            metadata,
            body(
                "if bool(torch.gt(step, 2)):",
                "  ops.prim.RaiseException(\"no third step\")",
                "else:",
                "  pass",
                "return (torch.sub(param, grad), exp_avg)"));
    try (TorchOptiModule module = angry.module(Map.of());
        Vector params = TorchFixtures.random(DType.FLOAT32, 1, 3);
        Vector gradients = TorchFixtures.random(DType.FLOAT32, 2, 3)) {
      module.stepInPlace(params, gradients, 0.1);
      module.stepInPlace(params, gradients, 0.1);
      double[] before = params.flatten();
      for (int i = 0; i < 2; i++) {
        assertThatThrownBy(() -> module.stepInPlace(params, gradients, 0.1))
            .isInstanceOf(OptiBridgeException.class)
            .hasMessageContaining("no third step");
        assertThat(params.flatten()).isEqualTo(before);
      }
    }
    OwnSteps.othersWork();
  }

  @Test
  void attributesAreRefused() throws IOException {
    String source =
        ScriptArchives.LION.replace("  training : bool\n", "  training : bool\n  seen : int\n");
    assertThatThrownBy(() -> lion(ScriptArchives.LION_METADATA, source))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("The exported program");
  }

  // ---- archives that are none
  // --------------------------------------------------------------------------

  @Test
  void truncatedArchivesAreErrors() throws IOException {
    byte[] whole = Files.readAllBytes(LAMB);
    Path file = folder.resolve("short.pt");
    for (int length = 1; length < whole.length; length += 97) {
      Files.write(file, java.util.Arrays.copyOf(whole, length));
      assertThatThrownBy(() -> ScriptArchives.open(file))
          .as("%d bytes", length)
          .isInstanceOf(IllegalArgumentException.class);
    }
    OwnSteps.othersWork();
  }

  @Test
  void damagedArchivesAreErrorsOrTheSame() throws IOException {
    byte[] whole = Files.readAllBytes(LAMB);
    Path file = folder.resolve("damaged.pt");
    Random random = new Random(5);
    int refused = 0;
    for (int i = 0; i < 150; i++) {
      byte[] damaged = whole.clone();
      for (int k = 0; k <= i % 4; k++) {
        damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
      }
      Files.write(file, damaged);
      try {
        ScriptArchives.open(file).module(Map.of()).close();
      } catch (IllegalArgumentException e) {
        assertThat(e).hasMessageContaining(file.toString());
        refused++;
      }
    }
    assertThat(refused).isGreaterThan(50);
    OwnSteps.othersWork();
  }

  @Test
  void otherBytesAreErrors() throws IOException {
    Path file = folder.resolve("noise.pt");
    byte[] bytes = new byte[5000];
    new Random(1).nextBytes(bytes);
    Files.write(file, bytes);
    assertThatThrownBy(() -> ScriptArchives.open(file))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("it is no archive of torch's");
    ScriptArchives.write(file, Map.of("step/data.pkl", new byte[] {1}));
    assertThatThrownBy(() -> ScriptArchives.open(file))
        .hasMessageContaining("has no extra/optibridge.json")
        .hasMessageContaining("export_optimizer.py");
  }

  @Test
  void archivesThatGrowAreErrors() throws IOException {
    Path file = folder.resolve("bomb.pt");
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
      zip.putNextEntry(new ZipEntry("step/code/__torch__.py"));
      for (int i = 0; i < 65; i++) {
        zip.write(new byte[1 << 20]);
      }
    }
    assertThat(Files.size(file)).isLessThan(1 << 20);
    assertThatThrownBy(() -> ScriptArchives.open(file))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("the archive would unpack to more than 67108864 bytes");
  }

  @ParameterizedTest
  @ValueSource(strings = {"step/../../evil", "/step/x", "step\\x", "other/x", "x", "step//x"})
  void entriesElsewhereAreErrors(String name) {
    Map<String, byte[]> entries =
        ScriptArchives.entries(ScriptArchives.LION_METADATA, ScriptArchives.LION);
    entries.put(name, new byte[] {1});
    Path file = ScriptArchives.write(folder.resolve("evil.pt"), entries);
    assertThatThrownBy(() -> ScriptArchives.open(file))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("the archive has ");
  }

  @ParameterizedTest
  @ValueSource(strings = {"step/data.pkl", "step/constants.pkl", "step/code/__torch__.py"})
  void missingOrForeignEntriesAreErrors(String name) {
    Map<String, byte[]> entries =
        ScriptArchives.entries(ScriptArchives.LION_METADATA, ScriptArchives.LION);
    entries.put(name, new byte[] {(byte) 0x80, 2, 'c', 'o', 's', '\n', '.'});
    Path foreign = ScriptArchives.write(folder.resolve("foreign.pt"), entries);
    entries.remove(name);
    Path missing = ScriptArchives.write(folder.resolve("missing.pt"), entries);
    for (Path file : new Path[] {foreign, missing}) {
      assertThatThrownBy(() -> ScriptArchives.open(file))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("the TorchScript archive can't be read");
    }
    OwnSteps.othersWork();
  }
}
