package org.optibridge.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/** A bar per run on a terminal; elsewhere a line when the run is done, or nothing. */
final class Progress implements AutoCloseable {
  private static final int WIDTH = 100;
  private static final int INTERVAL_MS = 100;

  private final @Nullable ProgressBar bar;

  private Progress(@Nullable ProgressBar bar) {
    this.bar = bar;
  }

  /** Begins a run of {@code steps} steps. */
  static Progress start(boolean wanted, String task, long steps) {
    if (!wanted || !terminal()) {
      return new Progress(null);
    }
    return new Progress(
        new ProgressBarBuilder()
            .setTaskName(task)
            .setInitialMax(steps)
            .setStyle(ProgressBarStyle.ASCII)
            .setUpdateIntervalMillis(INTERVAL_MS)
            .setConsumer(new ConsoleProgressBarConsumer(System.err, WIDTH))
            .build());
  }

  /** Says how a run ended where no bar did. */
  static void done(boolean wanted, PrintWriter err, RunResult result) {
    if (wanted && !terminal()) {
      err.printf(
          Locale.ROOT,
          "%s: %d steps in %.1f s, test accuracy %.1f %%%n",
          result.optimizer(),
          result.steps(),
          result.trainSeconds(),
          100 * result.testAccuracy());
      err.flush();
    }
  }

  void step(int step, double loss) {
    if (bar != null) {
      bar.stepTo(step);
      bar.setExtraMessage(String.format(Locale.ROOT, "loss %.4f", loss));
    }
  }

  /** Whether standard error is a terminal that can redraw a line. */
  static boolean terminal() {
    String term = System.getenv("TERM");
    if (System.getenv("CI") != null || term == null || term.equals("dumb")) {
      return false;
    }
    try {
      String target = Files.readSymbolicLink(Path.of("/proc/self/fd/2")).toString();
      return target.startsWith("/dev/pts/") || target.startsWith("/dev/tty");
    } catch (IOException | UnsupportedOperationException e) {
      return false;
    }
  }

  @Override
  public void close() {
    if (bar != null) {
      bar.close();
    }
  }
}
