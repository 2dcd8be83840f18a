package org.optibridge.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.optibridge.testing.SampleProgram.number;

import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.testing.RequiresTorch;
import org.optibridge.testing.SampleProgram;
import org.optibridge.testing.Vectors;
import org.optibridge.torch.PluginBuild;
import org.optibridge.trust.ImportPolicy;
import org.optibridge.trust.ImportRefusedException;
import org.optibridge.trust.ImportValidator;
import org.optibridge.trust.TrustedImports;
import org.optibridge.vector.Vector;

/** The samples of optimizers from files, compiled and run as programs of their own. */
@RequiresTorch
class OwnSamplesTest {
  @TempDir Path folder;

  private void trains(String sample, String main, Path file) throws Exception {
    String printed = new SampleProgram(sample, folder).run(List.of(), main, file.toString());
    assertThat(number(printed, "loss before: ")).isEqualTo(70);
    assertThat(number(printed, "loss after: ")).isLessThan(0.01);
    assertThat(number(printed, "native bytes still held: ")).isZero();
  }

  @Test
  void aPluginTrains() throws Exception {
    trains("own-native", "com.example.ownnative.Main", PluginBuild.sample());
  }

  @Test
  void aProgramTrains() throws Exception {
    Path lamb = Path.of("src/test/resources/own/lamb.pt");
    trains("own-program", "com.example.ownprogram.Main", lamb);
  }

  @Test
  void aConfigNamesTheJavaClass() throws Exception {
    new SampleProgram("own-module", folder);
    String name = "com.example.ownmodule.SignMomentum";
    Map<String, Object> config =
        Map.of(
            "lrate",
            0.5,
            "modules",
            List.of(
                List.of("torch-optim", Map.of("optim_cls", name, "kwargs", Map.of("beta", 0.8)))));
    TrustedImports former = TrustedImports.standard();
    Thread thread = Thread.currentThread();
    ClassLoader loader = thread.getContextClassLoader();
    try (URLClassLoader classes = new URLClassLoader(new URL[] {folder.toUri().toURL()}, loader)) {
      thread.setContextClassLoader(classes);
      use(ImportPolicy.builder());
      assertThatThrownBy(() -> Optimizer.fromConfig(config))
          .isInstanceOf(ImportRefusedException.class)
          .hasMessageContaining("allowClass(\"" + name + "\")");
      use(ImportPolicy.builder().allowClass(name));
      try (Optimizer optimizer = Optimizer.fromConfig(config);
          Vector params = Vectors.w(1, 1, 1);
          Vector gradients = Vectors.w(3, -4, 0)) {
        optimizer.step(params, gradients);
        assertThat(params.toFloats("w")).containsExactly(0.5f, 1.5f, 1);
      }
    } finally {
      thread.setContextClassLoader(loader);
      TrustedImports.setStandard(former);
    }
  }

  private static void use(ImportPolicy.Builder policy) {
    TrustedImports.setStandard(
        new TrustedImports(
            policy.validator((request, question) -> ImportValidator.Answer.NOBODY_THERE).build()));
  }

  // ---- docs/own-optimizer.md
  // ------------------------------------------------------------------------

  private static String docs() throws IOException {
    return Files.readString(Path.of("docs/own-optimizer.md"));
  }

  @Test
  void theSamplesAreQuotedAsTheyAre() throws IOException {
    String lion = Files.readString(Path.of("samples/own-native/src/main/cpp/lion.cpp"));
    String steps = Files.readString(Path.of("samples/own-program/steps.py"));
    String docs = docs();
    assertThat(docs)
        .contains("```cpp\n" + lion.substring(lion.indexOf("#include")) + "```")
        .contains(Files.readString(Path.of("samples/own-native/CMakeLists.txt")))
        .contains("```python\n" + steps.substring(steps.indexOf("def lion(")) + "```");
  }
}
