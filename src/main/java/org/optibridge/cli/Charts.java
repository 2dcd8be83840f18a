package org.optibridge.cli;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.BitmapEncoder.BitmapFormat;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** The look of the charts, and how they get into a file. */
final class Charts {
  private static final int WIDTH = 1100;
  private static final int HEIGHT = 680;

  /** Okabe and Ito's colours, which colour-blind readers can tell apart. */
  private static final Color[] COLOURS = {
    new Color(0x0072B2), new Color(0xD55E00), new Color(0x009E73), new Color(0xCC79A7),
    new Color(0xE69F00), new Color(0x56B4E9), new Color(0x000000), new Color(0x999999)
  };

  private static final int FAINT = 70;
  private static final BasicStroke SOLID = new BasicStroke(2.2f);
  private static final BasicStroke THIN = new BasicStroke(1f);
  private static final BasicStroke DASHED =
      new BasicStroke(
          2.2f, BasicStroke.CAP_BUTT, BasicStroke.JOIN_ROUND, 1f, new float[] {8, 5}, 0);

  private Charts() {}

  /** An empty chart. */
  static XYChart create(String title, String xAxis, String yAxis) {
    XYChart chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title(title)
            .xAxisTitle(xAxis)
            .yAxisTitle(yAxis)
            .build();
    chart
        .getStyler()
        .setXAxisDecimalPattern("0.##")
        .setPlotGridLinesColor(new Color(0xE4E4E4))
        .setLegendFont(new Font(Font.SANS_SERIF, Font.PLAIN, 13))
        .setLegendPosition(LegendPosition.OutsideS)
        .setChartBackgroundColor(Color.WHITE)
        .setLegendBorderColor(Color.WHITE)
        .setPlotBorderColor(Color.GRAY);
    return chart;
  }

  /** Adds a line in the colour of its index; a second one of the same label gets a number. */
  static void line(XYChart chart, int index, String text, double[] x, double[] y) {
    line(chart, index, text, x, y, index >= COLOURS.length);
  }

  /** The same, with the choice of a dashed line, which lets one below it show. */
  static void line(XYChart chart, int index, String text, double[] x, double[] y, boolean dashed) {
    String label = text;
    for (int copy = 2; chart.getSeriesMap().containsKey(label); copy++) {
      label = text + " #" + copy;
    }
    XYSeries series = chart.addSeries(label, x, y);
    series.setMarker(SeriesMarkers.NONE);
    series.setLineColor(COLOURS[index % COLOURS.length]);
    series.setLineStyle(dashed ? DASHED : SOLID);
  }

  /** Adds a thin, faint line in the colour of its index, without a place in the legend. */
  static void faintLine(XYChart chart, int index, String key, double[] x, double[] y) {
    Color colour = COLOURS[index % COLOURS.length];
    XYSeries series = chart.addSeries(key, x, y);
    series.setMarker(SeriesMarkers.NONE);
    series.setLineColor(new Color(colour.getRed(), colour.getGreen(), colour.getBlue(), FAINT));
    series.setLineStyle(THIN);
    series.setShowInLegend(false);
  }

  /** Writes the picture. */
  static void write(Path file, XYChart chart) {
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file))) {
      BitmapEncoder.saveBitmap(chart, out, BitmapFormat.PNG);
    } catch (IOException e) {
      throw new CliException("can't write the plot to " + file + ": " + e.getMessage(), e);
    } catch (LinkageError | InternalError e) {
      throw new CliException(
          "this JDK can't draw text (" + e.getMessage() + "): install libfreetype and a font", e);
    }
  }
}
