package org.optibridge.cli;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.IntToDoubleFunction;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import org.knowm.xchart.XYChart;

/** The runs of a federated comparison, by method: as a table and as a chart. */
final class FederateReport {
  private static final double PERCENT = 100;
  private static final double KILO = 1000;
  private static final double STEP = 10;

  private final Map<String, List<FederatedRun>> byMethod = new LinkedHashMap<>();

  FederateReport(List<FederatedRun> runs) {
    for (FederatedRun run : runs) {
      byMethod.computeIfAbsent(run.method().label(), label -> new ArrayList<>()).add(run);
    }
  }

  /**
   * Mean and spread over seeds.
   *
   * @param mean the mean
   * @param deviation the sample standard deviation; 0 of a single value
   * @param count how many there are
   */
  record Spread(double mean, double deviation, int count) {
    static Spread of(List<FederatedRun> runs, ToDoubleFunction<FederatedRun> figure) {
      double mean = runs.stream().mapToDouble(figure).average().orElseThrow();
      double squares =
          runs.stream().mapToDouble(run -> Math.pow(figure.applyAsDouble(run) - mean, 2)).sum();
      int n = runs.size();
      return new Spread(mean, n < 2 ? 0 : Math.sqrt(squares / (n - 1)), n);
    }

    String percent() {
      String text = String.format(Locale.ROOT, "%.1f", PERCENT * mean);
      return count < 2 ? text : text + String.format(Locale.ROOT, " ± %.1f", PERCENT * deviation);
    }
  }

  TextTable table() {
    int rounds = byMethod.values().iterator().next().get(0).rounds();
    TextTable table =
        new TextTable(
            1,
            "method",
            "final (%)",
            "best (%)",
            "last " + Math.min(FederatedRun.LAST, rounds) + " rounds (%)",
            "train loss",
            "kB per round",
            "time (s)");
    byMethod.forEach(
        (label, runs) ->
            table.row(
                label,
                Spread.of(runs, FederatedRun::finalAccuracy).percent(),
                Spread.of(runs, FederatedRun::bestAccuracy).percent(),
                Spread.of(runs, FederatedRun::lastAccuracy).percent(),
                format("%.3f", Spread.of(runs, FederatedRun::trainLoss).mean()),
                format("%.0f", Spread.of(runs, FederatedRun::bytesPerRound).mean() / KILO),
                format("%.1f", Spread.of(runs, FederatedRun::seconds).mean())));
    return table;
  }

  private static String format(String pattern, double value) {
    return String.format(Locale.ROOT, pattern, value);
  }

  /**
   * A line per method, the mean over seeds, before the faint lines of the single runs, from the
   * first round on: all start from the same weights.
   */
  XYChart chart(String title, String yAxis) {
    XYChart chart = Charts.create(title, "round", yAxis);
    chart.getStyler().setYAxisDecimalPattern("0").setYAxisMin(lowest()).setYAxisMax(PERCENT);
    int index = 0;
    for (Map.Entry<String, List<FederatedRun>> entry : byMethod.entrySet()) {
      List<FederatedRun> runs = entry.getValue();
      for (int i = 0; i < runs.size() && runs.size() > 1; i++) {
        int run = i;
        double[] y = points(runs, round -> PERCENT * runs.get(run).accuracy()[round]);
        Charts.faintLine(chart, index, entry.getKey() + "/" + i, rounds(runs), y);
      }
      index++;
    }
    index = 0;
    for (Map.Entry<String, List<FederatedRun>> entry : byMethod.entrySet()) {
      List<FederatedRun> runs = entry.getValue();
      double[] y =
          points(runs, round -> PERCENT * Spread.of(runs, r -> r.accuracy()[round]).mean());
      String last = Spread.of(runs, FederatedRun::lastAccuracy).percent();
      String label = entry.getKey() + ": " + last + " % in the last rounds";
      Charts.line(chart, index, label, rounds(runs), y, index % 2 == 1);
      index++;
    }
    return chart;
  }

  /** A round number of percent below all accuracies after the first round. */
  private double lowest() {
    double lowest =
        byMethod.values().stream()
            .flatMap(List::stream)
            .flatMapToDouble(run -> Arrays.stream(run.accuracy(), 1, run.rounds() + 1))
            .min()
            .orElseThrow();
    return Math.floor(PERCENT * lowest / STEP) * STEP;
  }

  private static double[] rounds(List<FederatedRun> runs) {
    return points(runs, round -> round);
  }

  private static double[] points(List<FederatedRun> runs, IntToDoubleFunction value) {
    return IntStream.rangeClosed(1, runs.get(0).rounds()).mapToDouble(value).toArray();
  }
}
