package org.optibridge.cli;

import java.io.PrintWriter;
import java.util.List;
import org.optibridge.memory.FrameworkNotFoundException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IParameterExceptionHandler;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.UnmatchedArgumentException;

/** Entry point of the command line. */
@Command(
    name = "optibridge",
    description = "Native optimizer steps of libtorch on buffers that are never copied.",
    subcommands = {
      CompareCommand.class,
      FederateCommand.class,
      ListCommand.class,
      DoctorCommand.class,
      BenchCommand.class,
      ReplayCommand.class
    },
    versionProvider = Version.class,
    synopsisSubcommandLabel = "COMMAND",
    exitCodeListHeading = "%nExit status:%n",
    exitCodeList = {"0:success", "1:a run or a check failed", "2:a bad flag, file or value"})
public final class Main implements Runnable {
  @SuppressWarnings("NullAway.Init") // injected by picocli
  @CommandLine.Spec
  private CommandLine.Model.CommandSpec spec;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      scope = ScopeType.INHERIT,
      description = "Show this help and exit.")
  @SuppressWarnings("UnusedVariable") // read by picocli
  private boolean help;

  @Option(
      names = {"-V", "--version"},
      versionHelp = true,
      scope = ScopeType.INHERIT,
      description = "Show the version and exit.")
  @SuppressWarnings("UnusedVariable") // read by picocli
  private boolean version;

  @Option(names = "--stacktrace", hidden = true, scope = ScopeType.INHERIT)
  private boolean stacktrace;

  /** Without a command there is nothing to do. */
  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "a command is missing: " + commands());
  }

  private String commands() {
    return String.join(", ", spec.subcommands().keySet());
  }

  /** Refuses a count below one, naming the option. */
  static void requireAtLeastOne(CommandLine.Model.CommandSpec spec, String option, int value) {
    if (value < 1) {
      throw new CommandLine.ParameterException(
          spec.commandLine(), option + " must be at least 1 but is " + value);
    }
  }

  /** The parser, so that tests can run commands without ending the JVM. */
  static CommandLine commandLine() {
    Main main = new Main();
    CommandLine line = new CommandLine(main);
    line.setParameterExceptionHandler(parameterErrors());
    line.setExecutionExceptionHandler(
        (error, failed, parsed) -> {
          if (main.stacktrace) {
            error.printStackTrace(failed.getErr());
          }
          say(failed, describe(error));
          return error instanceof CliException
              ? failed.getCommandSpec().exitCodeOnInvalidInput()
              : failed.getCommandSpec().exitCodeOnExecutionException();
        });
    line.setAbbreviatedOptionsAllowed(false);
    return line;
  }

  private static IParameterExceptionHandler parameterErrors() {
    return (error, args) -> {
      CommandLine failed = error.getCommandLine();
      String hint = "";
      if (error instanceof UnmatchedArgumentException unmatched) {
        List<String> suggestions = unmatched.getSuggestions();
        if (!suggestions.isEmpty()) {
          hint = " (did you mean " + String.join(", ", suggestions) + "?)";
        }
      }
      String name = failed.getCommandSpec().qualifiedName();
      say(failed, describe(error) + hint + "; see '" + name + " --help'");
      return failed.getCommandSpec().exitCodeOnInvalidInput();
    };
  }

  private static void say(CommandLine failed, String message) {
    PrintWriter err = failed.getErr();
    err.println(failed.getCommandSpec().qualifiedName() + ": " + message);
    err.flush();
  }

  /** One line about an error; its class is named where the message alone would say too little. */
  private static String describe(Throwable error) {
    String message = error.getMessage();
    String text;
    if (message == null || message.isBlank()) {
      text = error.getClass().getSimpleName();
    } else if (error instanceof CliException
        || error instanceof ParameterException
        || error instanceof FrameworkNotFoundException) {
      text = message;
    } else {
      text = error.getClass().getSimpleName() + ": " + message;
    }
    return text.strip().replaceAll("\\s*\\R\\s*", " ");
  }

  /**
   * Runs the command line and ends the JVM with its exit status.
   *
   * @param args what {@code optibridge --help} describes
   */
  public static void main(String[] args) {
    System.setProperty("java.awt.headless", "true");
    ImportOptions.quiet();
    System.exit(commandLine().execute(args));
  }
}
