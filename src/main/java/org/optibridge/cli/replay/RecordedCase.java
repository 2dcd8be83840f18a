package org.optibridge.cli.replay;

import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import org.optibridge.cli.replay.CaseResult.Status;

/** One recorded case. */
public final class RecordedCase {
  private static final Set<String> TABLES = Set.of("error", "quirk", "fact");
  private static final Map<String, BiConsumer<Field, Comparison>> LEVELS =
      Map.of(
          "vector", VectorReplay::run,
          "module", StageReplay::modules,
          "regularizer", StageReplay::regularizers,
          "scheduler", SchedulerReplay::run,
          "optimizer", OptimizerReplay::run,
          "scaffold", ScaffoldReplay::run,
          "native", NativeReplay::steps,
          "state", NativeReplay::state);

  private final String name;
  private final Field one;

  RecordedCase(String name, Field one) {
    this.name = name;
    this.one = one;
  }

  /** Returns its name; the file's name and the case's position if it has none. */
  public String name() {
    return name;
  }

  /** Returns whether this is a table for tests, of a level that describes and computes nothing. */
  public boolean isTable() {
    return one.isObject() && TABLES.stream().anyMatch(this::hasLevel);
  }

  private boolean hasLevel(String level) {
    return one.has("level") && one.get("level").isText(level);
  }

  /**
   * Runs the case and compares every recorded value.
   *
   * @return what became of it; a case that can't be run is an {@link Status#ERROR}
   */
  public CaseResult replay() {
    Comparison check = new Comparison(new Tolerance(0, 0));
    try {
      one.get("name").text();
      String level = one.get("level").text();
      BiConsumer<Field, Comparison> runner = LEVELS.get(level);
      if (runner == null) {
        throw one.get("level")
            .wrong("is \"" + level + "\"; known: " + LEVELS.keySet().stream().sorted().toList());
      }
      check = new Comparison(tolerance(level));
      runner.accept(one, check);
    } catch (SkippedCaseException e) {
      return CaseResult.without(name, Status.SKIP, String.valueOf(e.getMessage()));
    } catch (RuntimeException | LinkageError e) {
      if (check.where() == null) {
        return CaseResult.without(name, Status.ERROR, describe(e));
      }
      // What went wrong first is the news.
    }
    Status status = check.where() == null ? Status.PASS : Status.FAIL;
    return new CaseResult(
        name, status, check.maxAbs(), check.maxRel(), check.where(), check.message());
  }

  /** A closure's cases may have samples only. */
  private Tolerance tolerance(String level) {
    String key =
        level.equals("native") && !one.has("tolerance") ? "tolerance_samples" : "tolerance";
    return Tolerance.read(one.get(key));
  }

  private static String describe(Throwable error) {
    String message = error.getMessage();
    if (message == null || message.isBlank()) {
      return error.getClass().getSimpleName();
    }
    boolean said = error instanceof BadCaseException || error instanceof IllegalArgumentException;
    String text = said ? message : error.getClass().getSimpleName() + ": " + message;
    return text.strip().replaceAll("\\s*\\R\\s*", " ");
  }
}
