package org.optibridge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.optibridge.testing.ChildJvm;
import org.optibridge.testing.Framework;

/**
 * Without a framework's jars everything else works, and what needs it says which Maven coordinates
 * to add. In JVMs of their own, so that it is tested wherever the tests run.
 */
class AbsentFrameworkTest {
  private static final String GOLDEN = "src/test/resources/golden/";
  private static final String NO_TORCH =
      "libtorch is not on the class path: add org.bytedeco:pytorch:2.";
  private static final String NO_TENSORFLOW =
      "TensorFlow is not on the class path: add org.tensorflow:tensorflow-core-native:1.";

  @TempDir Path folder;

  private String without(Framework framework, String... commands) throws Exception {
    return ChildJvm.run(
        folder, ChildJvm.classPathWithout(framework), Map.of(), AbsentFrameworkJob.class, commands);
  }

  /** What one command printed, with its status at the end. */
  private static String command(String printed, int number) {
    String begin = "command " + number + "\n";
    int from = printed.indexOf(begin);
    assertThat(from).as(printed).isNotNegative();
    int to = printed.indexOf("command " + (number + 1) + "\n", from);
    return printed.substring(from + begin.length(), to < 0 ? printed.length() : to).strip();
  }

  private static void checkAttempts(String printed, String absent, String there, String message) {
    String[] attempts = {"of", "registry", "config", "json", "version"};
    for (String attempt : attempts) {
      assertThat(printed.lines().filter(line -> line.startsWith(absent + " " + attempt + ": ")))
          .hasSize(attempt.equals("of") ? 2 : 1)
          .allSatisfy(line -> assertThat(line).contains(attempt + ": " + message, "linux-x86_64"));
    }
    boolean present = (there.equals("torch") ? Framework.TORCH : Framework.TENSORFLOW).isPresent();
    assertThat(printed.lines().filter(line -> line.startsWith(there + " ")))
        .hasSizeGreaterThan(attempts.length)
        .allSatisfy(line -> assertThat(line.endsWith(": ok")).isEqualTo(present));
    assertThat(printed).contains("core: [0.0, 1.0]", "live: 0 0").doesNotContain("\tat ", "LEAK");
  }

  @Test
  void withoutTorch() throws Exception {
    String printed =
        without(
            Framework.TORCH,
            "list",
            "doctor",
            "compare -e 1 --no-progress",
            "compare -e 1 --no-progress -o momentum",
            "federate --rounds 1 --no-progress",
            "bench adam-1e4 --rounds 1",
            "bench --optimizer SGD",
            "replay "
                + (GOLDEN + "replay/core.json " + GOLDEN + "replay/torch.json ")
                + (GOLDEN + "replay/native.json " + GOLDEN + "tensorflow/adam.json"));
    checkAttempts(printed, "torch", "keras", NO_TORCH);
    assertThat(printed).contains("torch lbfgs: " + NO_TORCH, "torch file: " + NO_TORCH);
    assertThat(command(printed, 0)).contains("Adafactor", "torch-optim").endsWith("status 0");
    assertThat(command(printed, 1))
        .contains("[ok]     core: ", "[absent] torch: " + NO_TORCH)
        .contains("[absent] bytedeco torch: ")
        .endsWith("status 0");
    for (int i = 2; i < 7; i++) {
      assertThat(command(printed, i))
          .startsWith("optibridge ")
          .contains(": " + NO_TORCH)
          .hasLineCount(2)
          .endsWith("status 1");
    }
    boolean keras = Framework.TENSORFLOW.isPresent();
    assertThat(command(printed, 7))
        .contains("PASS core/", "SKIP pipelines/torch", "  " + NO_TORCH)
        .contains(keras ? "12 passed, 0 failed, 9 skipped" : "5 passed, 0 failed, 16 skipped")
        .endsWith("status 0");
  }

  @Test
  void withoutTensorflow() throws Exception {
    String printed =
        without(
            Framework.TENSORFLOW,
            "list",
            "doctor",
            "bench tf-adam-1e6 --rounds 1",
            "replay "
                + (GOLDEN + "replay/torch.json " + GOLDEN + "replay/native.json ")
                + (GOLDEN + "tensorflow/adam.json " + GOLDEN + "native/keras/ema.json"),
            "compare -e 1 --no-progress -o keras.optimizers.Adam",
            "compare -e 1 --no-progress -o SGD");
    checkAttempts(printed, "keras", "torch", NO_TENSORFLOW);
    assertThat(command(printed, 0)).contains("keras.optimizers.Lamb").endsWith("status 0");
    assertThat(command(printed, 1))
        .contains("[ok]     core: ", "[absent] tensorflow: " + NO_TENSORFLOW)
        .endsWith("status 0");
    assertThat(command(printed, 2))
        .startsWith("optibridge bench: " + NO_TENSORFLOW)
        .hasLineCount(2)
        .endsWith("status 1");
    boolean torch = Framework.TORCH.isPresent();
    assertThat(command(printed, 3))
        .contains("SKIP tensorflow/adam", "  " + NO_TENSORFLOW)
        .contains(torch ? "9 passed, 0 failed, 8 skipped" : "0 passed, 0 failed, 17 skipped")
        .endsWith("status 0");
    assertThat(command(printed, 4))
        .startsWith("optibridge compare: " + (torch ? NO_TENSORFLOW : NO_TORCH))
        .hasLineCount(2)
        .endsWith("status 1");
    assertThat(command(printed, 5)).endsWith(torch ? "status 0" : "status 1");
  }
}
