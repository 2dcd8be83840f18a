package org.optibridge.cli;

import java.io.PrintWriter;
import java.io.StringWriter;
import picocli.CommandLine;

/** For tests that run commands in this JVM. */
abstract class CommandRuns {
  final StringWriter out = new StringWriter();
  final StringWriter err = new StringWriter();

  /** Runs a command line; returns its exit status. */
  final int execute(String... args) {
    CommandLine line = Main.commandLine();
    line.setOut(new PrintWriter(out, true));
    line.setErr(new PrintWriter(err, true));
    return line.execute(args);
  }
}
