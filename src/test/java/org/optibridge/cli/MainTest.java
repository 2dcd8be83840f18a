package org.optibridge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class MainTest extends CommandRuns {
  @TempDir Path folder;

  private void refuses(String message, String... args) {
    assertThat(execute(args)).isEqualTo(CommandLine.ExitCode.USAGE);
    assertThat(err.toString().strip()).contains(message).startsWith("optibridge").hasLineCount(1);
    assertThat(out.toString()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "compare", "federate", "list", "doctor"})
  void help(String command) {
    String[] args = command.isEmpty() ? new String[] {"--help"} : new String[] {command, "--help"};
    assertThat(execute(args)).isZero();
    assertThat(out.toString()).startsWith("Usage: optibridge").contains("--help", "--version");
    assertThat(err.toString()).isEmpty();
  }

  @Test
  void version() {
    assertThat(execute("--version")).isZero();
    assertThat(out.toString()).matches("optibridge \\d+\\.\\d+\\.\\d+\\S*\\R");
  }

  @Test
  void noCommand() {
    refuses("a command is missing: compare, federate, list");
  }

  @Test
  void unknownCommandAndFlag() {
    refuses("Unmatched argument at index 0: 'comparee'", "comparee");
  }

  @Test
  void unknownFlag() {
    refuses("did you mean --epochs", "compare", "--epoch", "3");
  }

  @Test
  void badNumbers() {
    refuses("--epochs must be at least 1 but is 0", "compare", "--epochs", "0");
  }

  @Test
  void notANumber() {
    refuses("'many' is not an int", "compare", "--batch-size", "many");
  }

  @Test
  void badSpec() {
    refuses("at character 9", "compare", "--optimizer", "Adam(lr=)");
  }

  @Test
  void badFolder() {
    refuses("is not a folder", "compare", "-o", "SGD", "--data", folder.resolve("x").toString());
  }

  @Test
  void badPlotFile() {
    refuses("no such folder", "compare", "--plot", folder.resolve("x/y.png").toString());
  }

  @Test
  void badJsonFile() {
    refuses("a folder itself", "compare", "--json", folder.toString());
  }
}
