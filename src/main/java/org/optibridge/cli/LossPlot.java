package org.optibridge.cli;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.BitmapEncoder.BitmapFormat;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** Draws the runs' training losses as a PNG. */
final class LossPlot {
  private static final int WIDTH = 1100;
  private static final int HEIGHT = 680;
  private static final int POINTS = 120;

  /** Okabe and Ito's colours, which colour-blind readers can tell apart. */
  private static final Color[] COLOURS = {
    new Color(0x0072B2), new Color(0xD55E00), new Color(0x009E73), new Color(0xCC79A7),
    new Color(0xE69F00), new Color(0x56B4E9), new Color(0x000000), new Color(0x999999)
  };

  private static final BasicStroke SOLID = new BasicStroke(2.2f);
  private static final BasicStroke DASHED =
      new BasicStroke(
          2.2f, BasicStroke.CAP_BUTT, BasicStroke.JOIN_ROUND, 1f, new float[] {8, 5}, 0);

  private LossPlot() {}

  /** Writes the picture. */
  static void write(Path file, String title, List<RunResult> runs) {
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file))) {
      BitmapEncoder.saveBitmap(chart(title, runs), out, BitmapFormat.PNG);
    } catch (IOException e) {
      throw new CliException("can't write the plot to " + file + ": " + e.getMessage(), e);
    } catch (LinkageError | InternalError e) {
      throw new CliException(
          "this JDK can't draw text (" + e.getMessage() + "): install libfreetype and a font", e);
    }
  }

  static XYChart chart(String title, List<RunResult> runs) {
    XYChart chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title(title)
            .xAxisTitle("epoch")
            .yAxisTitle("training loss (cross entropy, log scale)")
            .build();
    chart
        .getStyler()
        .setYAxisLogarithmic(true)
        .setYAxisDecimalPattern("0.####")
        .setXAxisDecimalPattern("0.##")
        .setPlotGridLinesColor(new Color(0xE4E4E4))
        .setLegendFont(new Font(Font.SANS_SERIF, Font.PLAIN, 13))
        .setLegendPosition(LegendPosition.OutsideS)
        .setChartBackgroundColor(Color.WHITE)
        .setLegendBorderColor(Color.WHITE)
        .setPlotBorderColor(Color.GRAY);
    for (int i = 0; i < runs.size(); i++) {
      addRun(chart, i, runs.get(i));
    }
    return chart;
  }

  private static void addRun(XYChart chart, int index, RunResult run) {
    double[][] points = smooth(run);
    String label = run.optimizer();
    for (int copy = 2; chart.getSeriesMap().containsKey(label); copy++) {
      label = run.optimizer() + " #" + copy;
    }
    XYSeries series = chart.addSeries(label, points[0], points[1]);
    series.setMarker(SeriesMarkers.NONE);
    series.setLineColor(COLOURS[index % COLOURS.length]);
    series.setLineStyle(index < COLOURS.length ? SOLID : DASHED);
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
