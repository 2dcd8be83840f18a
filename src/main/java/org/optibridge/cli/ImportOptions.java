package org.optibridge.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;
import org.optibridge.trust.AllowRule;
import org.optibridge.trust.ImportPolicy;
import org.optibridge.trust.TrustedImports;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** The flags that say what may be imported. */
final class ImportOptions {
  // Held: loggers that nobody refers to forget their level.
  private static final Logger LOGGER = Logger.getLogger("org.optibridge.trust");

  @Option(
      names = "--allow-import",
      paramLabel = "RULE",
      description =
          "Import this without asking: class:NAME (or NAME), package:NAME, package-tree:NAME (with"
              + " packages below), path:FILE_OR_FOLDER or sha256:DIGEST; repeatable.")
  private List<String> rules = new ArrayList<>();

  @Option(
      names = "--import-policy",
      paramLabel = "FILE",
      description =
          "Such rules, one \"kind = value\" a line; the answer \"always\" adds one to it.")
  private @Nullable Path file;

  /** Imports under the policy of these flags; at a terminal, it asks about everything else. */
  TrustedImports imports(CommandSpec spec) {
    ImportPolicy.Builder policy = ImportPolicy.builder();
    try {
      for (String rule : rules) {
        policy.allow(AllowRule.parse(rule));
      }
      if (file != null) {
        policy.file(file).saveAnswers(file);
      }
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), String.valueOf(e.getMessage()), e);
    }
    return new TrustedImports(policy.build());
  }

  /** Commands say in a line of their own what was refused; who configures logging gets the log. */
  static void quiet() {
    if (System.getProperty("java.util.logging.config.file") == null
        && System.getProperty("java.util.logging.config.class") == null) {
      LOGGER.setLevel(Level.OFF);
    }
  }
}
