package org.optibridge.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.optibridge.memory.NativeOutOfMemoryException;
import org.optibridge.memory.OptiBridgeException;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.testing.RequiresTorch;
import org.optibridge.trust.ImportPolicy;
import org.optibridge.trust.ImportRefusedException;
import org.optibridge.trust.ImportValidator;
import org.optibridge.trust.Origin;
import org.optibridge.trust.TrustedImports;
import org.optibridge.vector.DType;
import org.optibridge.vector.Vector;

/** Plug-in libraries: the sample's, faulty ones, and ones that must not be loaded. */
@RequiresTorch
class TorchPluginTest {
  private static final Path FAULTY = Path.of("src/test/cpp/faulty_plugin.cpp");
  private static final ImportValidator NOBODY =
      (request, question) -> ImportValidator.Answer.NOBODY_THERE;

  private final TrustedImports former = TrustedImports.standard();

  @TempDir Path folder;

  @AfterEach
  void restore() {
    TrustedImports.setStandard(former);
  }

  private static TorchOptiModule faulty(int fault) throws Exception {
    Path library = PluginBuild.withTorch(FAULTY);
    return ScriptArchives.open(library + ":Faulty", library).module(Map.of("fault", fault));
  }

  @Test
  void theSampleFollowsItsRule() throws Exception {
    TorchImport lion = ScriptArchives.open(PluginBuild.sample());
    assertThat(lion.spec().qualifiedName()).isEqualTo("plugin:Lion");
    assertThat(lion.spec().defaultLearningRate()).isEqualTo(1e-4);
    assertThat(lion.spec().options()).hasSize(3);
    OwnSteps.followsTheRule(() -> lion.module(OwnSteps.LION_OPTIONS), OwnSteps.LION, 1);
    OwnSteps.goesOnFromItsState(() -> lion.module(OwnSteps.LION_OPTIONS));
    OwnSteps.modulesShareTheirCode(() -> lion.module(OwnSteps.LION_OPTIONS));
    OwnSteps.largeTensorsMoveAsTheirParts(() -> lion.module(OwnSteps.LION_OPTIONS));
  }

  @Test
  void optionsAreCheckedByBothSides() throws Exception {
    TorchImport lion = ScriptArchives.open(PluginBuild.sample());
    for (double wrong : new double[] {1, -0.1, Double.NaN}) {
      assertThatThrownBy(() -> lion.module(Map.of("beta1", wrong)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("plugin:Lion: 'beta1' must be a");
    }
    assertThatThrownBy(() -> lion.module(Map.of("beta1", 0.9, "beta2", 0.5)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("Lion: beta1 must not be greater than beta2");
  }

  @Test
  void argumentsScalarsAndCountsOfTorchsKind() throws Exception {
    Path library = PluginBuild.withTorch(FAULTY);
    TorchImport patient = ScriptArchives.open(library + ":Patient", library);
    try (Optimizer optimizer =
            Optimizer.builder()
                .learningRate(0.1)
                .module(patient.module(Map.of("every", 3, "maximize", true)))
                .build();
        Vector params = Vector.builder().copy("w", new float[] {1, 2}, 2).build();
        Vector gradients = Vector.builder().copy("w", new float[] {1, 3}, 2).build()) {
      optimizer.step(params, gradients);
      optimizer.step(params, gradients);
      assertThat(params.toFloats("w")).containsExactly(1, 2);
      optimizer.step(params, gradients);
      // By 12 upwards, after a decay by 0.05.
      assertThat(params.toFloats("w")).containsExactly(0.95f + 1.2f, 1.9f + 1.2f);
    }
    OwnSteps.goesOnFromItsState(() -> patient.module(Map.of()));
    assertThatThrownBy(() -> patient.module(Map.of("decay", 0)))
        .hasMessageContaining("'decay' must be a number in (0, 1), not 0");
    assertThatThrownBy(() -> patient.module(Map.of("every", 1e12)))
        .hasMessageContaining("'every' must be");
  }

  @Test
  void tensorsThatReplaceAStateAreKept() throws Exception {
    OwnSteps.goesOnFromItsState(
        () -> {
          try {
            return faulty(0);
          } catch (Exception e) {
            throw new AssertionError(e);
          }
        });
    try (TorchOptiModule module = faulty(0);
        Vector params = Vector.builder().copy("w", new float[] {0}, 1).build();
        Vector gradients = Vector.builder().copy("w", new float[] {2}, 1).build()) {
      module.stepInPlace(params, gradients, 1);
      module.stepInPlace(params, gradients, 1);
      // The sum starts with 1: half of 3, then half of 5.
      assertThat(params.toFloats("w")).containsExactly(-4);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "2, a step too far",
    "3, an exception that is no std::exception",
    "4, a check of libtorch's",
    "6, the state 'sum' has become",
    "7, the optimizer dropped a tensor's state"
  })
  void exceptionsComeThrough(int fault, String text) throws Exception {
    try (TorchOptiModule module = faulty(fault);
        Vector params = TorchFixtures.random(DType.FLOAT32, 1, 3);
        Vector gradients = TorchFixtures.random(DType.FLOAT32, 2, 3)) {
      for (int i = 0; i < 3; i++) {
        assertThatThrownBy(() -> module.stepInPlace(params, gradients, 0.1))
            .isInstanceOf(OptiBridgeException.class)
            .hasMessageContaining("Faulty: ")
            .hasMessageContaining(text);
      }
    }
    OwnSteps.othersWork();
  }

  @Test
  void exceptionsHaveTheirKinds() throws Exception {
    assertThatThrownBy(() -> faulty(1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("I do not like this option");
    try (TorchOptiModule module = faulty(5);
        Vector params = TorchFixtures.random(DType.FLOAT32, 1, 3);
        Vector gradients = TorchFixtures.random(DType.FLOAT32, 2, 3)) {
      assertThatThrownBy(() -> module.stepInPlace(params, gradients, 0.1))
          .isInstanceOf(NativeOutOfMemoryException.class);
    }
  }

  @Test
  void oneOfSeveralHasToBeNamed() throws Exception {
    Path library = PluginBuild.withTorch(FAULTY);
    assertThatThrownBy(() -> ScriptArchives.open(library))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("has several optimizers; name one of [Faulty, Patient]");
    assertThatThrownBy(() -> ScriptArchives.open(library + ":Lion", library))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("has no optimizer 'Lion'; name one of [Faulty, Patient]");
  }

  // ---- configs
  // --------------------------------------------------------------------------------------

  @Test
  void configsNameTheFile() throws Exception {
    Path library = PluginBuild.sample();
    TrustedImports.setStandard(
        new TrustedImports(ImportPolicy.builder().validator(NOBODY).allowPath(library).build()));
    Map<String, Object> config =
        Map.of(
            "lrate",
            0.1,
            "modules",
            List.of(
                List.of(
                    "torch-optim",
                    Map.of("optim_cls", library + ":Lion", "kwargs", Map.of("beta1", 0.5)))));
    try (Optimizer optimizer = Optimizer.fromConfig(config);
        Optimizer again = Optimizer.fromConfig(optimizer.getConfig());
        Vector params = Vector.builder().copy("w", new float[] {1, 1}, 2).build();
        Vector gradients = Vector.builder().copy("w", new float[] {3, -3}, 2).build()) {
      again.step(params, gradients);
      assertThat(params.toFloats("w")).containsExactly(0.9f, 1.1f);
    }
    for (ImportPolicy.Builder policy :
        List.of(ImportPolicy.builder(), ImportPolicy.builder().validate(false))) {
      TrustedImports.setStandard(new TrustedImports(policy.validator(NOBODY).build()));
      assertThatThrownBy(() -> Optimizer.fromConfig(config))
          .isInstanceOf(ImportRefusedException.class)
          .hasMessageContaining("The import policy refused native library '" + library + "'")
          .hasMessageContaining("asked for by a config")
          .hasMessageContaining("allowSha256(");
    }
    // Code may be trusted with what it names itself.
    TorchOptiModule.of(library + ":Lion", Map.of()).close();
  }

  // ---- libraries that are none, or are not for us
  // -----------------------------------------------------

  private static String table(String abi, String version, String optimizers) {
    return "extern \"C\" __attribute__((visibility(\"default\"))) const void*"
        + " optibridge_plugin_entry(void*) {"
        + " static struct { unsigned abi, cxx11; const char* torch; const void* all; long n; }"
        + " plugin = {"
        + abi
        + ", 1, "
        + version
        + ", "
        + optimizers
        + "}; return &plugin; }";
  }

  @Test
  void librariesOfOthersAreRefused() throws Exception {
    Map<String, String> faults =
        Map.of(
            "extern \"C\" int nothing() { return 1; }",
            "lacks the function optibridge_plugin_entry",
            table("2", "\"2.10.0\"", "0, 0"),
            "has version 2 of optibridge's plug-in interface, this optibridge has version 1",
            table("1", "\"2.9.1\"", "0, 0"),
            "was built for libtorch 2.9.1, this is libtorch 2.10.0",
            table("1", "\"2.10.0\"", "0, 0"),
            "has no optimizer",
            "extern \"C\" int missing(); extern \"C\" int calls() { return missing(); }",
            "undefined symbol: missing); it must be built for libtorch 2.10.0",
            "extern \"C\" const void* optibridge_plugin_entry(char* e) {"
                + " const char* t = \"no, thanks\"; *(int*) e = 1;"
                + " for (int i = 0; i < 11; i++) e[4 + i] = t[i]; return 0; }",
            "the plug-in's description: no, thanks");
    int number = 0;
    for (Map.Entry<String, String> fault : faults.entrySet()) {
      Path library = PluginBuild.plain(folder, "other" + number++, fault.getKey());
      assertThatThrownBy(() -> ScriptArchives.open(library))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageStartingWith("The native library '" + library + "': ")
          .hasMessageContaining(fault.getValue());
    }
    Path text = Files.writeString(folder.resolve("libtext.so"), "no library");
    assertThatThrownBy(() -> ScriptArchives.open(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("the plug-in can't be loaded");
    OwnSteps.othersWork();
  }

  // ---- canaries: libraries that leave a file behind as soon as they are loaded
  // ---------------------------

  private Path canary(String name, Path trace) throws Exception {
    return PluginBuild.plain(
        folder,
        name,
        "#include <cstdio>\n__attribute__((constructor)) static void sing() {"
            + " if (FILE* f = std::fopen(\""
            + trace
            + "\", \"w\")) { std::fputs(\"sung\", f); std::fclose(f); } }\n");
  }

  @Test
  void whatIsRefusedIsNotLoaded() throws Exception {
    Path trace = folder.resolve("trace");
    Path library = canary("canary", trace);
    TrustedImports.setStandard(
        new TrustedImports(ImportPolicy.builder().validator(NOBODY).build()));
    for (String name : List.of(library.toString(), library + ":Lion")) {
      assertThatThrownBy(() -> TorchOptiModule.of(name)).isInstanceOf(ImportRefusedException.class);
      assertThatThrownBy(() -> TorchOptiModule.fromConfig(Map.of("optim_cls", name)))
          .isInstanceOf(ImportRefusedException.class);
      assertThatThrownBy(
              () -> TorchImport.open(name, TrustedImports.standard(), Origin.COMMAND_LINE))
          .isInstanceOf(ImportRefusedException.class);
    }
    assertThat(trace).doesNotExist();
    assertThatThrownBy(() -> ScriptArchives.open(library))
        .hasMessageContaining("lacks the function optibridge_plugin_entry");
    assertThat(trace).hasContent("sung");
  }

  @Test
  void aFileSwappedAfterTheDecisionIsNotLoaded() throws Exception {
    Path trace = folder.resolve("evil-trace");
    Path evil = canary("evil", trace);
    Path library = Files.copy(PluginBuild.sample(), folder.resolve("libown.so"));
    ImportValidator swapping =
        (request, question) -> {
          try {
            Files.move(evil, library, StandardCopyOption.REPLACE_EXISTING);
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
          return ImportValidator.Answer.YES;
        };
    TrustedImports imports = new TrustedImports(ImportPolicy.builder().validator(swapping).build());
    TorchImport lion = TorchImport.open(library + ":Lion", imports, Origin.CONFIG);
    lion.module(Map.of()).close();
    assertThat(trace).doesNotExist();
  }

  @Test
  void otherEndingsAreNoFilesWithOptimizers() {
    for (String name : List.of("./mine.dll", "/etc/passwd", "a/b", "./lib.so:9", "./lib.so:a:b")) {
      assertThatThrownBy(() -> TorchOptiModule.of(name))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("names no file with an optimizer: FILE.so or FILE.so:NAME");
    }
    for (String name : List.of("missing.so", "missing.so:Lion", "missing.pt", "missing.pt2")) {
      assertThatThrownBy(() -> TorchOptiModule.of(name))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("does not exist");
    }
  }
}
