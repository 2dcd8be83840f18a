package org.optibridge.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.optibridge.testing.SampleProgram.number;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.optibridge.contract.Tensors.Layout;
import org.optibridge.optimizer.Registry;
import org.optibridge.optimizer.Stage;
import org.optibridge.testing.Golden;
import org.optibridge.testing.SampleProgram;

/** The documentation names what there is, and its example runs. */
class DocumentationTest {
  private static final Path SAMPLE = Path.of("samples/own-module/src/main");
  private static final Path JAVA = SAMPLE.resolve("java/com/example/ownmodule");

  private static String read(String file) throws IOException {
    return Files.readString(Path.of("docs", file));
  }

  // ---- quirks.md
  // -----------------------------------------------------------------------------------

  @Test
  void everyQuirkIsThere() throws IOException {
    String text = read("quirks.md");
    for (Golden.Case one : Golden.cases("quirks.json")) {
      assertThat(text).contains("| `" + one.toString().substring("quirks/".length()) + "` |");
    }
  }

  @Test
  void testsThatItNamesExist() throws IOException {
    Matcher named = Pattern.compile("`(\\w+Test)\\.(\\w+)`").matcher(read("quirks.md"));
    int count = 0;
    while (named.find()) {
      count++;
      String source;
      try (Stream<Path> files = Files.walk(Path.of("src/test/java"))) {
        String file = named.group(1) + ".java";
        Path path = files.filter(one -> one.endsWith(file)).findFirst().orElseThrow();
        source = Files.readString(path);
      }
      assertThat(source).contains("  void " + named.group(2) + "(");
    }
    assertThat(count).isGreaterThan(10);
  }

  // ---- modules.md and schedulers.md
  // ------------------------------------------------------------------

  static List<Example> documented() {
    return Examples.all().stream().filter(one -> !one.name().startsWith("user-")).toList();
  }

  /** The table row or the section of a stage. */
  private static String about(String name) throws IOException {
    String text = read("modules.md");
    if (name.equals("torch-optim")) {
      return text.substring(text.indexOf("## torch-optim"), text.indexOf("## tensorflow-optim"));
    }
    if (name.equals("tensorflow-optim")) {
      return text.substring(text.indexOf("## tensorflow-optim"), text.indexOf("## Regularizers"));
    }
    String row =
        text.lines().filter(line -> line.startsWith("| `" + name + "`")).findFirst().orElse("");
    assertThat(row).as("a row for '%s' in docs/modules.md", name).isNotEmpty();
    return row.contains("| as `adam`") ? row + about("adam") : row;
  }

  @ParameterizedTest
  @MethodSource("documented")
  void keysDefaultsAndStateOfEveryStageAreThere(Example example) throws IOException {
    String about = about(example.name());
    try (Subject subject = new Subject(example)) {
      for (String key : subject.stage.getConfig().keySet()) {
        if (!Set.of("exclude", "min_dims").contains(key)) { // said of all regularizers together
          assertThat(about).contains("`" + key + "`");
        }
      }
      subject.calls(Layout.FLOAT32, 0, 4);
      for (String path : subject.state().keySet()) {
        String entry = path.startsWith("slots.") ? "slots" : path;
        assertThat(about).contains("`" + entry.replaceFirst("^clients\\..*", "clients") + "`");
      }
    }
    if (!Examples.WITHOUT_DEFAULT.contains(example.name())) {
      try (Stage stage = example.make(Map.of())) {
        for (Map.Entry<String, Object> entry : stage.getConfig().entrySet()) {
          String value = entry.getValue().toString().replace("1.0E-7", "1e-7");
          assertThat(about).containsPattern("`" + entry.getKey() + "`[^`]*\"?`?\"?" + value);
        }
      }
    }
  }

  @Test
  void everySchedulerIsThere() throws IOException {
    String text = read("schedulers.md");
    for (String name : Registry.schedulers()) {
      assertThat(name.startsWith("user-") || text.contains("| `" + name + "` |")).as(name).isTrue();
    }
  }

  // ---- the sample
  // --------------------------------------------------------------------------------------

  @Test
  void sampleIsQuotedAsItIs() throws IOException {
    assertThat(read("modules.md"))
        .contains("```java\n" + Files.readString(JAVA.resolve("SignMomentum.java")) + "```")
        .contains("```java\n" + Files.readString(JAVA.resolve("OwnModules.java")) + "```");
  }

  /** Compiled against the classes of this build and run as a program of its own. */
  @Test
  void sampleTrainsAndGivesItsMemoryBack(@TempDir Path folder) throws Exception {
    String printed =
        new SampleProgram("own-module", folder)
            .run(List.of(SAMPLE.resolve("resources")), "com.example.ownmodule.Main");
    assertThat(number(printed, "loss before: ")).isGreaterThan(10);
    assertThat(number(printed, "loss after: ")).isLessThan(0.01);
    assertThat(number(printed, "native bytes still held: ")).isZero();
  }

  /** Names in the table of examples that the documentation forgot would pass the tests above. */
  @Test
  void everyRegisteredStageIsThere() throws IOException {
    Set<String> names = new TreeSet<>(Registry.modules());
    names.addAll(Registry.regularizers());
    names.removeIf(name -> name.startsWith("user-"));
    for (String name : names) {
      assertThat(about(name)).isNotEmpty();
    }
  }
}
