package org.optibridge.cli;

import java.nio.file.Path;
import java.util.List;
import org.knowm.xchart.XYChart;

/** Draws the runs' training losses as a PNG. */
final class LossPlot {
  private static final int POINTS = 120;

  private LossPlot() {}

  /** Writes the picture. */
  static void write(Path file, String title, List<RunResult> runs) {
    Charts.write(file, chart(title, runs));
  }

  static XYChart chart(String title, List<RunResult> runs) {
    XYChart chart = Charts.create(title, "epoch", "training loss (cross entropy, log scale)");
    chart.getStyler().setYAxisLogarithmic(true).setYAxisDecimalPattern("0.####");
    for (int i = 0; i < runs.size(); i++) {
      double[][] points = smooth(runs.get(i));
      Charts.line(chart, i, runs.get(i).optimizer(), points[0], points[1]);
    }
    return chart;
  }

  /** Means over equal stretches of the run, after the initial loss; what diverged is left out. */
  static double[][] smooth(RunResult run) {
    int buckets = Math.min(POINTS, run.steps());
    double[] x = new double[buckets + 1];
    double[] y = new double[buckets + 1];
    y[0] = positive(run.initialLoss());
    for (int bucket = 0; bucket < buckets; bucket++) {
      int from = (int) ((long) bucket * run.steps() / buckets);
      int to = (int) ((long) (bucket + 1) * run.steps() / buckets);
      double sum = 0;
      for (int i = from; i < to; i++) {
        sum += run.losses()[i];
      }
      x[bucket + 1] = (from + to) / 2.0 / run.stepsPerEpoch();
      y[bucket + 1] = positive(sum / (to - from));
    }
    return new double[][] {x, y};
  }

  /** A logarithmic axis has no place for the rest. */
  private static double positive(double loss) {
    return loss > 0 && loss < Double.POSITIVE_INFINITY ? Math.max(loss, 1e-9) : Double.NaN;
  }
}
