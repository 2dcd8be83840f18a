package org.optibridge.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.optibridge.memory.NativeMemory;
import org.optibridge.testing.RequiresTorch;
import org.optibridge.trust.ImportPolicy;
import org.optibridge.trust.ImportRefusedException;
import org.optibridge.trust.ImportValidator;
import org.optibridge.trust.Origin;
import org.optibridge.trust.TrustedImports;
import org.optibridge.vector.DType;
import org.optibridge.vector.Vector;

/**
 * AOTInductor packages. They are machine code for one kind of processor, so none is part of this
 * project: the environment variable OPTIBRIDGE_TEST_PACKAGES names a folder with lamb.pt2 and
 * lion.pt2, exported from samples/own-program/steps.py.
 */
@RequiresTorch
class TorchCompiledTest {
  @TempDir Path folder;

  private static Path compiled(String name) {
    String packages = System.getenv("OPTIBRIDGE_TEST_PACKAGES");
    assumeTrue(
        packages != null,
        "no AOTInductor packages: OPTIBRIDGE_TEST_PACKAGES does not name a folder with lamb.pt2 and"
            + " lion.pt2");
    Path file = Path.of(packages, name);
    assertThat(file).exists();
    return file;
  }

  @Test
  void lambFollowsItsRule() {
    TorchImport lamb = ScriptArchives.open(compiled("lamb.pt2"));
    OwnSteps.followsTheRule(() -> lamb.module(OwnSteps.LAMB_OPTIONS), OwnSteps.LAMB, 2);
    OwnSteps.goesOnFromItsState(() -> lamb.module(OwnSteps.LAMB_OPTIONS));
    OwnSteps.modulesShareTheirCode(() -> lamb.module(OwnSteps.LAMB_OPTIONS));
  }

  @Test
  void lionFollowsItsRule() {
    TorchImport lion = ScriptArchives.open(compiled("lion.pt2"));
    OwnSteps.followsTheRule(() -> lion.module(OwnSteps.LION_OPTIONS), OwnSteps.LION, 1);
    OwnSteps.goesOnFromItsState(() -> lion.module(OwnSteps.LION_OPTIONS));
    OwnSteps.modulesShareTheirCode(() -> lion.module(OwnSteps.LION_OPTIONS));
    OwnSteps.largeTensorsMoveAsTheirParts(() -> lion.module(OwnSteps.LION_OPTIONS));
  }

  @Test
  void bothFormsAgree() {
    TorchImport script = ScriptArchives.open(TorchScriptTest.LAMB);
    TorchImport compiled = ScriptArchives.open(compiled("lamb.pt2"));
    for (boolean inPlace : new boolean[] {true, false}) {
      OwnSteps.near(
          OwnSteps.actual(
              () -> compiled.module(OwnSteps.LAMB_OPTIONS), DType.FLOAT64, 6, 0.1, inPlace),
          OwnSteps.actual(
              () -> script.module(OwnSteps.LAMB_OPTIONS), DType.FLOAT64, 6, 0.1, inPlace),
          1e-14);
    }
  }

  @Test
  void nothingIsCopied() {
    TorchImport lamb = ScriptArchives.open(compiled("lamb.pt2"));
    try (TorchOptiModule module = lamb.module(Map.of());
        Vector params = TorchFixtures.random(DType.FLOAT32, 1, 100);
        Vector gradients = TorchFixtures.random(DType.FLOAT32, 2, 100)) {
      module.stepInPlace(params, gradients, 0.1);
      long before = NativeMemory.copiedBytes();
      module.stepInPlace(params, gradients, 0.1);
      assertThat(NativeMemory.copiedBytes()).isEqualTo(before);
    }
  }

  @Test
  void refusedMeansNotLoaded() {
    Path lion = compiled("lion.pt2");
    TrustedImports imports =
        new TrustedImports(
            ImportPolicy.builder()
                .validator((request, question) -> ImportValidator.Answer.NOBODY_THERE)
                .build());
    assertThatThrownBy(() -> TorchImport.open(lion.toString(), imports, Origin.CONFIG))
        .isInstanceOf(ImportRefusedException.class)
        .hasMessageContaining("The import policy refused exported program '" + lion + "'");
  }

  // ---- packages that are not for us
  // -----------------------------------------------------------------

  private Path changed(String name, UnaryOperator<String> metadata) throws IOException {
    Map<String, byte[]> entries = new LinkedHashMap<>();
    try (ZipFile zip = new ZipFile(compiled(name).toFile())) {
      for (ZipEntry entry : java.util.Collections.list(zip.entries())) {
        try (InputStream in = zip.getInputStream(entry)) {
          entries.put(entry.getName(), in.readAllBytes());
        }
      }
    }
    entries.replaceAll(
        (entry, bytes) ->
            entry.endsWith("optibridge.json")
                ? metadata
                    .apply(new String(bytes, StandardCharsets.UTF_8))
                    .getBytes(StandardCharsets.UTF_8)
                : bytes);
    return ScriptArchives.write(folder.resolve(name), entries);
  }

  private void refuses(String name, String from, String to, String text) throws IOException {
    Path file =
        changed(
            name,
            json -> {
              assertThat(json).contains(from);
              return json.replace(from, to);
            });
    assertThatThrownBy(() -> ScriptArchives.open(file))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("The exported program '" + file + "': ")
        .hasMessageContaining(text);
    OwnSteps.othersWork();
  }

  @Test
  void otherSignaturesAreRefused() throws IOException {
    refuses(
        "lion.pt2",
        "{\"name\": \"exp_avg\", \"kind\": \"like\", \"initial\": 0.0}",
        "",
        "must take 7 tensors (param, grad, step, lr, beta1, beta2, weight_decay) and return 0, by"
            + " what its optibridge.json says, but takes 8 and returns 0");
    refuses("lion.pt2", "\"in_place\": true", "\"in_place\": false", "and return 2, by");
  }

  @Test
  void otherVersionsAndProcessorsAreRefused() throws IOException {
    refuses(
        "lion.pt2",
        "\"torch\": \"2.10.0\"",
        "\"torch\": \"2.11.0\"",
        "it was compiled by torch 2.11.0, this is libtorch 2.10.0");
    refuses(
        "lion.pt2",
        "\"cpu_flags\": [",
        "\"cpu_flags\": [\"avx1024\", ",
        "it was compiled for a processor with [avx1024], which this one lacks");
  }

  @Test
  void processorsAreCompared() throws IOException {
    Path info = Files.writeString(folder.resolve("cpuinfo"), "x : y\nflags\t\t: fpu avx2 fma\n");
    ProgramLoader.requireProcessor(List.of("avx2", "fma"), info);
    assertThatThrownBy(() -> ProgramLoader.requireProcessor(List.of("avx2", "avx512f"), info))
        .hasMessageContaining("[avx512f]");
    assertThatThrownBy(() -> ProgramLoader.requireProcessor(List.of(), info))
        .hasMessageContaining("'cpu_flags' do not say");
  }

  @Test
  void scriptsAreNoPackages() throws IOException {
    Path file = Files.copy(TorchScriptTest.LAMB, folder.resolve("lamb.pt2"));
    assertThatThrownBy(() -> ScriptArchives.open(file))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("its 'cpu_flags' do not say which processor it was compiled for");
  }

  @Test
  void damagedLibrariesAreErrors() throws IOException {
    Map<String, byte[]> entries =
        ScriptArchives.entries(
            ScriptArchives.LION_METADATA.replace(
                "\"format\": 1,", "\"format\": 1, \"cpu_flags\": [\"sse2\"],"),
            "");
    Path none = ScriptArchives.write(folder.resolve("none.pt2"), entries);
    entries.put(
        "step/data/aotinductor/float32/model.so", "no library".getBytes(StandardCharsets.UTF_8));
    Path damaged = ScriptArchives.write(folder.resolve("damaged.pt2"), entries);
    entries.put("step/data/aotinductor/float32/second.so", new byte[] {1});
    Path two = ScriptArchives.write(folder.resolve("two.pt2"), entries);
    assertThatThrownBy(() -> ScriptArchives.open(none))
        .hasMessageContaining("has no library below");
    assertThatThrownBy(() -> ScriptArchives.open(damaged))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("the compiled program can't be loaded");
    assertThatThrownBy(() -> ScriptArchives.open(two)).hasMessageContaining("has 2 libraries");
    OwnSteps.othersWork();
  }
}
