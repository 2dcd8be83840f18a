package org.optibridge.testing;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A JVM of its own for a class of the tests. */
public final class ChildJvm {
  private ChildJvm() {}

  /** The class path of this JVM less what brings some frameworks. */
  public static String classPathWithout(Framework... frameworks) {
    return Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
        .filter(entry -> Stream.of(frameworks).noneMatch(one -> one.brings(Path.of(entry))))
        .collect(Collectors.joining(File.pathSeparator));
  }

  /**
   * Runs a main class to its end, which must be a success.
   *
   * @param folder for its output
   * @param environment variables to set; the empty text removes one
   * @return what it printed, both streams together
   */
  public static String run(
      Path folder, String classPath, Map<String, String> environment, Class<?> main, String... args)
      throws IOException, InterruptedException {
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    List<String> command = new ArrayList<>(List.of(java, "-Xmx1g", "-cp", classPath));
    command.add(main.getName());
    command.addAll(List.of(args));
    Path out = Files.createTempFile(folder, "out", ".txt");
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(out.toFile());
    environment.forEach(
        (name, value) -> {
          if (value.isEmpty()) {
            builder.environment().remove(name);
          } else {
            builder.environment().put(name, value);
          }
        });
    Process process = builder.start();
    try {
      assertThat(process.waitFor(3, TimeUnit.MINUTES)).as("%s ended", main).isTrue();
    } finally {
      process.destroyForcibly();
    }
    // The JVM tells on a line of its own that it takes options from the environment.
    String printed =
        Files.readString(out, StandardCharsets.UTF_8).replaceAll("(?m)^Picked up .*\\R", "");
    assertThat(process.exitValue()).as(printed).isZero();
    return printed;
  }
}
