package org.optibridge.testing;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.ToolProvider;

/** A program of {@code samples}, compiled against the classes of this build. */
public final class SampleProgram {
  private final Path classes;

  /**
   * @param sample its folder, beside those of the other programs
   * @param classes an empty folder for its classes
   */
  public SampleProgram(String sample, Path classes) throws IOException {
    this.classes = classes;
    List<String> compile =
        new ArrayList<>(
            List.of("-d", classes.toString(), "-cp", System.getProperty("java.class.path")));
    try (Stream<Path> files = Files.walk(Path.of("samples", sample, "src/main/java"))) {
      files.map(Path::toString).filter(one -> one.endsWith(".java")).sorted().forEach(compile::add);
    }
    int compiled =
        ToolProvider.getSystemJavaCompiler().run(null, null, null, compile.toArray(String[]::new));
    assertThat(compiled).isZero();
  }

  /** Runs it in a JVM of its own to its end; returns what it printed. */
  public String run(List<Path> morePaths, String main, String... arguments) throws Exception {
    List<String> paths = new ArrayList<>(List.of(classes.toString()));
    morePaths.forEach(path -> paths.add(path.toString()));
    paths.add(System.getProperty("java.class.path"));
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                String.join(File.pathSeparator, paths),
                main));
    command.addAll(List.of(arguments));
    Path out = classes.resolve("out.txt");
    Process process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(out.toFile()).start();
    assertThat(process.waitFor(2, TimeUnit.MINUTES)).isTrue();
    String printed = Files.readString(out, StandardCharsets.UTF_8);
    assertThat(process.exitValue()).as(printed).isZero();
    return printed;
  }

  /** The number that follows a label in what was printed. */
  public static double number(String text, String label) {
    Matcher matcher = Pattern.compile(Pattern.quote(label) + "(\\S+)").matcher(text);
    assertThat(matcher.find()).as(text).isTrue();
    return Double.parseDouble(matcher.group(1));
  }
}
