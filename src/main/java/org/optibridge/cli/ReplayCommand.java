package org.optibridge.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.optibridge.cli.replay.BadCaseException;
import org.optibridge.cli.replay.CaseFile;
import org.optibridge.cli.replay.CaseResult;
import org.optibridge.cli.replay.CaseResult.Status;
import org.optibridge.cli.replay.RecordedCase;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Runs recorded cases and compares every number. */
@Command(
    name = "replay",
    sortOptions = false,
    description = {
      "Run recorded cases (JSON, schema optim-golden/1) and compare every recorded number with"
          + " what optibridge computes: |actual - expected| <= atol + rtol * |expected|.",
      "Prints PASS, FAIL, ERROR or SKIP, the name, and the largest absolute and relative gap of"
          + " each case; relative gaps are over values above 1e-3 of their tensor's largest. A case"
          + " is skipped only if its framework is not there, or a loss that it minimizes is not"
          + " known.",
      "Ends with status 0 if there was a case and none failed or could not be run."
    })
final class ReplayCommand implements Callable<Integer> {
  private static final String INDEX = "index.json";

  @SuppressWarnings("NullAway.Init") // injected by picocli
  @CommandLine.Spec
  private CommandLine.Model.CommandSpec spec;

  @Parameters(
      paramLabel = "CASE.json",
      arity = "1..*",
      description = "Files of cases, or folders: all *.json in them and below, but index.json.")
  private List<Path> paths = new ArrayList<>();

  @Option(
      names = "--filter",
      paramLabel = "GLOB",
      description = "Only cases whose name matches; * stands for any characters, ? for one.")
  private @Nullable String filter;

  @Option(names = "--json", description = "One JSON document instead of lines.")
  private boolean json;

  private final List<CaseResult> results = new ArrayList<>();
  private final List<Map<String, Object>> problems = new ArrayList<>();
  private int tables;

  @Override
  public Integer call() {
    List<Path> files = files();
    Pattern names = glob(filter == null ? "*" : filter);
    for (Path file : files) {
      List<RecordedCase> cases;
      try {
        cases = CaseFile.read(file);
      } catch (BadCaseException e) {
        problem(file.toString(), String.valueOf(e.getMessage()));
        continue;
      }
      for (RecordedCase one : cases) {
        if (!names.matcher(one.name()).matches()) {
          continue;
        }
        if (one.isTable()) {
          tables++;
        } else {
          report(one.replay());
        }
      }
    }
    if (results.isEmpty() && problems.isEmpty()) {
      problem(
          filter == null ? "replay" : "--filter " + filter,
          tables == 0 ? "no case was found" : "no case was found but tables for tests");
    }
    return finish();
  }

  /** What is missing is refused before anything runs. */
  private List<Path> files() {
    List<Path> files = new ArrayList<>();
    for (Path path : paths) {
      if (Files.isDirectory(path)) {
        List<Path> below = below(path);
        if (below.isEmpty()) {
          throw new CliException("there is no .json file in the folder " + path);
        }
        files.addAll(below);
      } else if (Files.isReadable(path)) {
        files.add(path);
      } else {
        throw new CliException(
            path + (Files.exists(path) ? " can't be read" : ": no such file or folder"));
      }
    }
    return files;
  }

  private static List<Path> below(Path folder) {
    try (Stream<Path> found = Files.walk(folder)) {
      return found
          .filter(Files::isRegularFile)
          .filter(file -> file.toString().endsWith(".json") && !file.endsWith(INDEX))
          .sorted()
          .toList();
    } catch (IOException | UncheckedIOException e) {
      throw new CliException("can't list the folder " + folder + ": " + e, e);
    }
  }

  private static Pattern glob(String glob) {
    String regex =
        glob.chars()
            .mapToObj(c -> c == '*' ? ".*" : c == '?' ? "." : Pattern.quote(Character.toString(c)))
            .collect(Collectors.joining());
    return Pattern.compile(regex, Pattern.DOTALL);
  }

  private void problem(String file, String message) {
    problems.add(Map.of("file", file, "message", message));
    PrintWriter err = spec.commandLine().getErr();
    err.println(spec.qualifiedName() + ": " + file + ": " + message);
    err.flush();
  }

  private void report(CaseResult result) {
    results.add(result);
    if (json) {
      return;
    }
    PrintWriter out = spec.commandLine().getOut();
    out.printf(
        Locale.ROOT,
        "%s %s %s %s%n",
        result.status(),
        result.name(),
        gap(result.maxAbs()),
        gap(result.maxRel()));
    if (result.message() != null) {
      String place = result.where() == null ? "" : result.where() + ": ";
      out.println("  " + place + result.message());
    }
    out.flush();
  }

  private static String gap(double gap) {
    if (Double.isNaN(gap)) {
      return "-";
    }
    return gap == 0
        ? "0"
        : Double.isInfinite(gap) ? "inf" : String.format(Locale.ROOT, "%.2e", gap);
  }

  private long count(Status status) {
    return results.stream().filter(result -> result.status() == status).count();
  }

  private int finish() {
    long failed = count(Status.FAIL) + count(Status.ERROR);
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      Map<String, Object> document = new LinkedHashMap<>();
      document.put("cases", results.stream().map(ReplayCommand::map).toList());
      document.put("passed", count(Status.PASS));
      document.put("failed", failed);
      document.put("skipped", count(Status.SKIP));
      document.put("tables", tables);
      document.put("problems", problems);
      out.println(Json.write(document));
    } else {
      if (tables > 0) {
        out.println(tables + " of level error, quirk or fact are tables for tests: not run");
      }
      out.printf(
          Locale.ROOT,
          "%d passed, %d failed, %d skipped%n",
          count(Status.PASS),
          failed,
          count(Status.SKIP));
    }
    out.flush();
    return failed == 0 && problems.isEmpty()
        ? CommandLine.ExitCode.OK
        : CommandLine.ExitCode.SOFTWARE;
  }

  private static Map<String, @Nullable Object> map(CaseResult result) {
    Map<String, @Nullable Object> map = new LinkedHashMap<>();
    map.put("name", result.name());
    map.put("status", result.status().toString());
    map.put("maxAbs", number(result.maxAbs()));
    map.put("maxRel", number(result.maxRel()));
    map.put("where", result.where());
    map.put("message", result.message());
    return map;
  }

  /** JSON has no infinity; the schema of cases writes it as a text. */
  private static @Nullable Object number(double gap) {
    return Double.isNaN(gap) ? null : Double.isInfinite(gap) ? (Object) "inf" : (Object) gap;
  }
}
