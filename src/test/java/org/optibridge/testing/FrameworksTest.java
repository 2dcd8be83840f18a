package org.optibridge.testing;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.optibridge.tensorflow.TensorflowRuntime;
import org.optibridge.torch.TorchRuntime;

/** The run has the frameworks that it was asked to have: neither more nor fewer. */
class FrameworksTest {
  private static List<Framework> asked() {
    String text = System.getProperty("optibridge.test.frameworks", "both");
    return switch (text) {
      case "both" -> List.of(Framework.values());
      case "none" -> List.of();
      default -> List.of(Framework.valueOf(text.toUpperCase(Locale.ROOT)));
    };
  }

  @Test
  void thoseAskedForAreThereAndNoOthers() {
    assertThat(Stream.of(Framework.values()).filter(Framework::isPresent)).isEqualTo(asked());
    assertThat(TorchRuntime.isOnClassPath()).isEqualTo(Framework.TORCH.isPresent());
    assertThat(TensorflowRuntime.isOnClassPath()).isEqualTo(Framework.TENSORFLOW.isPresent());
    assertThat(TorchRuntime.problem() == null).isEqualTo(Framework.TORCH.isPresent());
    assertThat(TensorflowRuntime.problem() == null).isEqualTo(Framework.TENSORFLOW.isPresent());
  }

  /** Child processes get the property, so it must not name what was left out. */
  @Test
  void nothingOfTheOthersIsOnTheClassPath() {
    List<Path> entries =
        Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
            .map(Path::of)
            .toList();
    for (Framework framework : Framework.values()) {
      assertThat(entries.stream().anyMatch(framework::brings)).isEqualTo(framework.isPresent());
    }
  }

  /** The versions that messages tell users to add are those of the build. */
  @Test
  void messagesNameTheVersionsOfThePom() throws IOException {
    String pom = Files.readString(Path.of("pom.xml"));
    String javacpp = property(pom, "javacpp.version");
    String torch = Files.readString(source("torch/TorchRuntime.java"));
    assertThat(torch)
        .contains("org.bytedeco:pytorch:" + property(pom, "torch.version") + "-" + javacpp + " ")
        .contains(
            "org.bytedeco:openblas:"
                + property(pom, "openblas.version").replace("${javacpp.version}", javacpp)
                + ",");
    assertThat(Files.readString(source("tensorflow/TensorflowRuntime.java")))
        .contains("tensorflow-core-native:" + property(pom, "tensorflow.version") + " ");
  }

  private static Path source(String file) {
    return Path.of("src/main/java/org/optibridge", file);
  }

  private static String property(String pom, String name) {
    Matcher matcher = Pattern.compile("<" + Pattern.quote(name) + ">([^<]+)</").matcher(pom);
    assertThat(matcher.find()).as(name).isTrue();
    return matcher.group(1);
  }
}
