package org.optibridge.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/** The files that commands write: checked before the work begins, written after it. */
final class Output {
  private Output() {}

  /** Whether {@code -} was given for the file. */
  static boolean isStandardOutput(@Nullable Path file) {
    return file != null && file.toString().equals("-");
  }

  /** Refuses a file that can't be written, naming the option; null and {@code -} are fine. */
  static void requireWritable(CommandSpec spec, String option, @Nullable Path file) {
    if (file == null || isStandardOutput(file)) {
      return;
    }
    Path parent = file.toAbsolutePath().getParent();
    if (Files.isDirectory(file) || parent == null || !Files.isDirectory(parent)) {
      throw new ParameterException(
          spec.commandLine(), option + " " + file + ": no such folder, or a folder itself");
    }
    if (!Files.isWritable(Files.exists(file) ? file : parent)) {
      throw new ParameterException(spec.commandLine(), option + " " + file + " can't be written");
    }
  }

  /** Writes one line of JSON. */
  static void writeJson(PrintWriter out, Path file, Map<String, ?> document) {
    String text = Json.write(document);
    if (isStandardOutput(file)) {
      out.println(text);
      out.flush();
      return;
    }
    try {
      Files.writeString(file, text + System.lineSeparator(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new CliException("can't write " + file + ": " + e.getMessage(), e);
    }
  }
}
