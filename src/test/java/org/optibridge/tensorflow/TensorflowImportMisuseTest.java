package org.optibridge.tensorflow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.optibridge.memory.OptiBridgeException;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.State;
import org.optibridge.tensorflow.SavedModels.Attribute;
import org.optibridge.tensorflow.SavedModels.Function;
import org.optibridge.testing.RequiresTensorflow;
import org.optibridge.trust.ImportPolicy;
import org.optibridge.trust.ImportRefusedException;
import org.optibridge.trust.ImportValidator;
import org.optibridge.trust.Origin;
import org.optibridge.trust.TrustedImports;
import org.optibridge.vector.DType;
import org.optibridge.vector.Vector;

/** SavedModels that are none, do what they may not, or that nobody allowed. */
@RequiresTensorflow
class TensorflowImportMisuseTest {
  private static final Path YOGI = TensorflowImportTest.YOGI;

  @TempDir Path folder;

  private TensorflowImport open(String metadata, Function... functions) {
    return SavedModels.open(SavedModels.write(folder, SavedModels.model(metadata, functions)));
  }

  private void refuses(String text, String metadata, Function... functions) {
    assertThatThrownBy(() -> open(metadata, functions))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("The exported program '" + folder.resolve("saved_model.pb") + "': ")
        .hasMessageContaining(text);
    othersWork();
  }

  private static void othersWork() {
    try (TensorflowOptiModule module = SavedModels.open(YOGI).module(Map.of());
        Vector params = Vector.builder().copy("w", new float[] {1}, 1).build();
        Vector gradients = Vector.builder().copy("w", new float[] {1}, 1).build()) {
      module.stepInPlace(params, gradients, 0.1);
      assertThat(params.flatten()[0]).isLessThan(1);
    }
  }

  // ---- policy ----------------------------------------------------------------------------------

  private static TrustedImports nobodyThere(ImportPolicy.Builder policy) {
    return new TrustedImports(
        policy.validator((request, question) -> ImportValidator.Answer.NOBODY_THERE).build());
  }

  @Test
  void withoutARuleItIsRefused() {
    TrustedImports imports = nobodyThere(ImportPolicy.builder());
    for (String reference : List.of(YOGI.toString(), YOGI + "/", YOGI + "/saved_model.pb")) {
      assertThatThrownBy(() -> TensorflowImport.open(reference, imports, Origin.CODE))
          .isInstanceOf(ImportRefusedException.class)
          .hasMessageContaining("exported program")
          .hasMessageContaining("there is no terminal to ask at")
          .hasMessageContaining("sha256");
    }
  }

  @Test
  void aRuleForAnotherFolderDoesNotDo() throws IOException {
    Path other = SavedModels.write(folder.resolve("other"), Files.readAllBytes(file(YOGI)));
    TrustedImports imports =
        nobodyThere(ImportPolicy.builder().allowPath(SavedModels.write(folder, new byte[] {1})));
    assertThat(TensorflowImport.open(other.toString(), imports, Origin.CODE).reference())
        .isEqualTo(other.toString());
    Path link = Files.createSymbolicLink(folder.resolve("link"), YOGI.toAbsolutePath());
    for (Path path : List.of(YOGI, link, other.resolve("../../" + YOGI.getFileName()))) {
      assertThatThrownBy(() -> TensorflowImport.open(path.toString(), imports, Origin.CODE))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  private static Path file(Path model) {
    return model.resolve("saved_model.pb");
  }

  @Test
  void configsAreReadUnderThePolicyOfTheProcess() {
    Map<String, Object> config =
        Map.of(
            "lrate",
            0.5,
            "modules",
            List.of(
                List.of(
                    "tensorflow-optim",
                    Map.of(
                        "optim",
                        Map.of(
                            "class_name",
                            YOGI.toString(),
                            "config",
                            Map.of("beta_1", 0.5, "clipvalue", 0.25))))));
    TrustedImports former = TrustedImports.standard();
    try {
      TrustedImports.setStandard(nobodyThere(ImportPolicy.builder().validate(false)));
      assertThatThrownBy(() -> Optimizer.fromConfig(config))
          .isInstanceOf(ImportRefusedException.class);
      TensorflowOptiModule.of(YOGI.toString()).close(); // asked for by code
      TrustedImports.setStandard(nobodyThere(ImportPolicy.builder().allowPath(YOGI)));
      Map<String, Object> again;
      try (Optimizer optimizer = Optimizer.fromConfig(config)) {
        again = optimizer.getConfig();
      }
      assertThat(again.toString()).contains(YOGI.toString(), "beta_1=0.5", "clipvalue=0.25");
      try (Optimizer optimizer = Optimizer.fromConfig(again)) {
        assertThat(optimizer.getConfig()).isEqualTo(again);
      }
    } finally {
      TrustedImports.setStandard(former);
    }
  }

  // ---- files -----------------------------------------------------------------------------------

  @Test
  void missingFilesAreNamed() {
    TrustedImports imports = new TrustedImports(ImportPolicy.builder().allowPath(folder).build());
    assertThatThrownBy(() -> TensorflowImport.open(folder.toString(), imports, Origin.CODE))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(file(folder) + "' does not exist");
  }

  @Test
  void truncatedFilesAreErrors() throws IOException {
    byte[] whole = Files.readAllBytes(file(YOGI));
    for (int length = 1; length < whole.length; length += 61) {
      SavedModels.write(folder, Arrays.copyOf(whole, length));
      assertThatThrownBy(() -> SavedModels.open(folder))
          .as("%d bytes", length)
          .isInstanceOf(IllegalArgumentException.class);
    }
    othersWork();
  }

  @Test
  void damagedFilesAreErrorsOrCompute() throws IOException {
    byte[] whole = Files.readAllBytes(file(YOGI));
    Random random = new Random(5);
    int refused = 0;
    for (int i = 0; i < 300; i++) {
      byte[] damaged = whole.clone();
      for (int k = 0; k <= i % 4; k++) {
        damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
      }
      SavedModels.write(folder, damaged);
      try (TensorflowOptiModule module = SavedModels.open(folder).module(Map.of());
          Vector params = Vector.builder().copy("w", new float[] {1, 2, 3}, 3).build();
          Vector gradients = Vector.builder().copy("w", new float[] {1, 2, 3}, 3).build()) {
        module.stepInPlace(params, gradients, 0.1);
      } catch (IllegalArgumentException | OptiBridgeException | UnsupportedOperationException e) {
        refused++;
      }
    }
    assertThat(refused).isGreaterThan(50);
    othersWork();
  }

  @Test
  void otherBytesAreErrors() throws IOException {
    SavedModels.write(folder, "a text\n".getBytes(StandardCharsets.UTF_8));
    assertThatThrownBy(() -> SavedModels.open(folder)).hasMessageContaining("it is no SavedModel");
    // A SavedModel of somebody else's has no metadata.
    ProtoFields.Writer model = new ProtoFields.Writer();
    model.plain(1, 1);
    model.message(2, new byte[0]);
    SavedModels.write(folder, model.bytes());
    assertThatThrownBy(() -> SavedModels.open(folder))
        .hasMessageContaining("no collection 'optibridge': make it with export_keras_optimizer.py");
    Files.write(file(folder), new byte[(1 << 24) + 1]);
    assertThatThrownBy(() -> SavedModels.open(folder)).hasMessageContaining("a step has at most");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "'{' | bad JSON",
        "'{\"format\": 2, \"name\": \"A\"}' | its format is 2.0, this optibridge reads 1",
        "'{\"format\": 1, \"name\": \"A\"}' | 'functions' is empty",
        "'{\"format\": 1, \"name\": \"A\", \"extra\": 1, \"functions\": [{\"dtype\": \"float32\", \"rank\": 1, \"function\": \"plain\"}]}' | unknown entries [extra]",
        "'{\"format\": 1, \"name\": \"A\", \"options\": [{\"name\": \"weight_decay\", \"default\": 1}]}' | stand for something else",
        "'{\"format\": 1, \"name\": \"A\", \"options\": [{\"name\": \"a\", \"default\": 2, \"maximum\": 1}]}' | the default of option 'a'",
        "'{\"format\": 1, \"name\": \"A\", \"state\": [{\"name\": \"m\", \"kind\": \"row\"}]}' | of the kind row, not like or scalar or param",
        "'{\"format\": 1, \"name\": \"A\", \"element_wise\": true, \"state\": [{\"name\": \"m\", \"kind\": \"scalar\"}]}' | don't go together",
        "'{\"format\": 1, \"name\": \"A\", \"functions\": [{\"dtype\": \"int32\", \"rank\": 1, \"function\": \"plain\"}]}' | is int32, not float32 or float64",
        "'{\"format\": 1, \"name\": \"A\", \"functions\": [{\"dtype\": \"float32\", \"rank\": 2, \"function\": \"plain\"}]}' | the rank of a function is 2.0, not 1, as 'flat' says"
      })
  void metadataIsChecked(String metadata, String text) {
    assertThatThrownBy(() -> open(metadata, SavedModels.plain()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("its optibridge.json is wrong: ")
        .hasMessageContaining(text);
  }

  // ---- functions -------------------------------------------------------------------------------

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ReadFile",
        "WriteFile",
        "PyFunc",
        "AssignVariableOp",
        "ReadVariableOp",
        "RandomUniform",
        "Placeholder",
        "RemoteCall",
        "SymbolicGradient",
        "NoSuchOperation",
        "plain"
      })
  void operationsThatDoMoreAreNamed(String operation) {
    Function step = SavedModels.plain().node("more", operation, List.of("lr"));
    refuses(
        "its function plain uses [" + operation + "], which no imported step may",
        SavedModels.METADATA,
        step);
  }

  @Test
  void inFunctionsThatAreCalledToo() {
    Function outer = caller("plain", "inner", 1);
    Function inner = SavedModels.plain().node("more", "WriteFile", List.of("lr"));
    refuses("it has no function inner", SavedModels.METADATA, outer);
    refuses(
        "its function inner uses [WriteFile]", SavedModels.METADATA, outer, inner.named("inner"));
    refuses("its function plain calls itself", SavedModels.METADATA, caller("plain", "plain", 1));
  }

  /** A step that calls another one, as often as asked for. */
  private static Function caller(String name, String called, int times) {
    Function function = new Function(name).inputs();
    for (int i = 0; i < times; i++) {
      function.node(
          "call" + i,
          "PartitionedCall",
          List.of("param", "grad", "step", "lr", "last"),
          Attribute.function("f", called),
          Attribute.types("Tin", 1, 1, 2, 2, 1),
          Attribute.types("Tout", 1, 1));
    }
    return function
        .output("param_next", SavedModels.FLOAT, "call0:output:0")
        .output("last_next", SavedModels.FLOAT, "call0:output:1");
  }

  @Test
  void callsDoNotMultiply() {
    Function[] all = new Function[13];
    all[12] = SavedModels.plain().named("f12");
    for (int i = 0; i < 12; i++) {
      all[i] = caller(i == 0 ? "plain" : "f" + i, "f" + (i + 1), 8);
    }
    refuses("more than 65536 operations", SavedModels.METADATA, all);
  }

  @Test
  void constantsAreWhatTheySay() {
    Function large =
        SavedModels.plain()
            .node(
                "zeros",
                "Const",
                List.of(),
                Attribute.type("dtype", SavedModels.FLOAT),
                Attribute.zeros("value", SavedModels.FLOAT, 1L << 40));
    refuses("has a constant that is not of numbers", SavedModels.METADATA, large);
    Function text =
        SavedModels.plain()
            .node("text", "Const", List.of(), Attribute.zeros("value", SavedModels.STRING, 1));
    refuses("has a constant that is not of numbers", SavedModels.METADATA, text);
  }

  @Test
  void signaturesAreSpeltOut() {
    Function other =
        new Function("plain")
            .input("param", SavedModels.FLOAT)
            .input("grad", SavedModels.DOUBLE)
            .output("param_next", SavedModels.FLOAT, "param");
    refuses(
        "its function plain must be (param: float32, grad: float32, step: float64, lr: float64,"
            + " last: float32) -> 2 tensors of float32, by what its optibridge.json says, but is"
            + " (param: float32, grad: float64) -> [float32]",
        SavedModels.METADATA,
        other);
  }

  @Test
  void whatTensorflowRefusesIsAnError() {
    Function broken =
        SavedModels.plain()
            .node("more", "AddV2", List.of("nobody"), Attribute.type("T", SavedModels.FLOAT));
    try {
      failsWithoutTrace(open(SavedModels.METADATA, broken), "Plain");
    } catch (IllegalArgumentException e) {
      assertThat(e).hasMessageContaining("saved_model.pb");
    }
    othersWork();
  }

  private static void failsWithoutTrace(TensorflowImport opened, String... texts) {
    try (TensorflowOptiModule module = opened.module(Map.of());
        Vector params = Vector.builder().copy("w", new float[] {1, 2, 3}, 3).build();
        Vector gradients = Vector.builder().copy("w", new float[] {1, 2, 3}, 3).build()) {
      var thrown = assertThatThrownBy(() -> module.stepInPlace(params, gradients, 0.1));
      thrown.isInstanceOfAny(IllegalArgumentException.class, OptiBridgeException.class);
      for (String text : texts) {
        thrown.hasMessageContaining(text);
      }
      assertThat(params.toFloats("w")).containsExactly(1, 2, 3);
      assertThat(module.iterations()).isZero();
    }
  }

  @Test
  void wrongResultsChangeNothing() {
    Function shorter =
        new Function("plain")
            .inputs()
            .node("all", "Sum", List.of("param", "axes:output:0"), Attribute.type("T", 1))
            .node(
                "axes",
                "Const",
                List.of(),
                Attribute.type("dtype", 3),
                Attribute.zeros("value", 3, 1))
            .output("param_next", SavedModels.FLOAT, "param")
            .output("last_next", SavedModels.FLOAT, "all:output:0");
    failsWithoutTrace(
        open(SavedModels.METADATA, shorter),
        "the program Plain returned float32[] as new 'last' of 'w' and must return float32[3]");
    othersWork();
  }

  @Test
  void dtypesAndRanksWithoutAFunctionAreNamed() {
    TensorflowImport plain = open(SavedModels.METADATA, SavedModels.plain());
    try (TensorflowOptiModule module = plain.module(Map.of());
        Vector doubles = Vector.builder().allocate("w", DType.FLOAT64, 3).build();
        Vector slopes = Vector.builder().allocate("w", DType.FLOAT64, 3).build();
        Vector matrix = Vector.builder().copy("w", new float[] {1, 2}, 2, 1).build();
        Vector rows = Vector.builder().copy("w", new float[] {1, 2}, 2, 1).build()) {
      assertThatThrownBy(() -> module.stepInPlace(doubles, slopes, 0.1))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("the program Plain has no function for float64 tensors of rank 1");
      module.reset();
      module.stepInPlace(matrix, rows, 0.5);
      assertThat(matrix.toFloats("w")).containsExactly(0.5f, 1);
    }
    TensorflowImport shaped =
        open(
            SavedModels.METADATA
                .replace("\"element_wise\": true, \"flat\": true", "\"flat\": false")
                .replace("\"rank\": 1", "\"rank\": 2"),
            SavedModels.plain());
    try (TensorflowOptiModule module = shaped.module(Map.of());
        Vector line = Vector.builder().copy("w", new float[] {1, 2}, 2).build();
        Vector slope = Vector.builder().copy("w", new float[] {1, 2}, 2).build();
        Vector matrix = Vector.builder().copy("w", new float[] {1, 2}, 2, 1).build();
        Vector rows = Vector.builder().copy("w", new float[] {1, 2}, 2, 1).build()) {
      assertThatThrownBy(() -> module.stepInPlace(line, slope, 0.1))
          .hasMessageContaining("has no function for float32 tensors of rank 1");
      module.reset();
      module.stepInPlace(matrix, rows, 0.5);
      assertThat(matrix.toFloats("w")).containsExactly(0.5f, 1);
    }
  }

  @Test
  void optionsAreChecked() {
    TensorflowImport yogi = SavedModels.open(YOGI);
    assertThatThrownBy(() -> yogi.module(Map.of("beta_3", 1.0)))
        .hasMessageContaining("program:Yogi has no option 'beta_3'; did you mean 'beta_");
    for (Object wrong : new Object[] {Double.NaN, "x", true}) {
      assertThatThrownBy(() -> yogi.module(Map.of("beta_1", wrong)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("program:Yogi: 'beta_1' must be a finite number");
    }
    TensorflowImport bounded =
        open(
            SavedModels.METADATA.replace(
                "\"state\"",
                "\"options\": [{\"name\": \"beta\", \"default\": 0.9, \"minimum\": 0,"
                    + " \"exclusiveMaximum\": 1}], \"state\""),
            bounded());
    assertThatThrownBy(() -> bounded.module(Map.of("beta", 1)))
        .hasMessageContaining("program:Plain: 'beta' must be a number in [0, 1), not 1");
  }

  private static Function bounded() {
    return new Function("plain")
        .input("param", SavedModels.FLOAT)
        .input("grad", SavedModels.FLOAT)
        .input("step", SavedModels.DOUBLE)
        .input("lr", SavedModels.DOUBLE)
        .input("beta", SavedModels.DOUBLE)
        .input("last", SavedModels.FLOAT)
        .output("param_next", SavedModels.FLOAT, "param")
        .output("last_next", SavedModels.FLOAT, "last");
  }

  @Test
  void statesOfOthersAreRefused() {
    try (TensorflowOptiModule yogi = SavedModels.open(YOGI).module(Map.of());
        TensorflowOptiModule adam = TensorflowOptiModule.of("adam");
        State state = adam.getState()) {
      assertThatThrownBy(() -> yogi.setState(state))
          .hasMessageContaining(
              "A state of keras.optimizers.Adam can't be loaded into program:Yogi");
    }
  }
}
