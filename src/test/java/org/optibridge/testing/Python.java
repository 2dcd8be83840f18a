package org.optibridge.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** A Python with some packages, for tests that compare with it. */
public final class Python {
  private Python() {}

  private static @Nullable String interpreter() {
    String property = System.getProperty("optibridge.python");
    return property == null ? System.getenv("OPTIBRIDGE_PYTHON") : property;
  }

  /** Skips the test, with the reason, unless an interpreter is named that has these packages. */
  public static String assumed(String... packages) throws Exception {
    String needed = String.join(" and ", packages);
    String python = interpreter();
    assumeTrue(python != null, "no Python is named: set OPTIBRIDGE_PYTHON to one with " + needed);
    Path out = Files.createTempFile("python", ".txt");
    try {
      int status =
          start(
              out, List.of(String.valueOf(python), "-c", "import " + String.join(", ", packages)));
      assumeTrue(status == 0, python + " lacks " + needed + ": " + Files.readString(out).strip());
      return String.valueOf(python);
    } finally {
      Files.delete(out);
    }
  }

  /** Runs a program that must succeed; returns what it printed. */
  public static String run(String python, Path folder, String... arguments) throws Exception {
    List<String> command = new ArrayList<>(List.of(python));
    command.addAll(List.of(arguments));
    Path out = folder.resolve("out.txt");
    int status = start(out, command);
    String printed = Files.readString(out, StandardCharsets.UTF_8);
    assertThat(status).as(printed).isZero();
    return printed;
  }

  private static int start(Path out, List<String> command)
      throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(out.toFile()).start();
    try {
      assertThat(process.waitFor(5, TimeUnit.MINUTES)).as("Python ended in time").isTrue();
      return process.exitValue();
    } finally {
      process.destroyForcibly();
    }
  }
}
