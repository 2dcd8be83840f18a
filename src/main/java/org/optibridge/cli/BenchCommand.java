package org.optibridge.cli;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Times one optimizer step against libtorch's own kernel and the machine's memory. */
@Command(
    name = "bench",
    sortOptions = false,
    description = {
      "Time one Adam step on one float32 tensor, in interleaved rounds.",
      "Contestants: optibridge (the pipeline, in place), optibridge-unfused (torch::optim's plain"
          + " step), libtorch-fused (the kernel called from C++) and floor (a bare loop with the"
          + " same memory traffic)."
    })
final class BenchCommand implements Callable<Integer> {
  @SuppressWarnings("NullAway.Init") // injected by picocli
  @CommandLine.Spec
  private CommandLine.Model.CommandSpec spec;

  @Parameters(
      paramLabel = "ITEM",
      arity = "0..*",
      description =
          "adam-1e4, adam-1e6, adam-1e7 or adam-1e8, which needs 8 GB of memory (default: all).")
  private List<String> names = new ArrayList<>();

  @Option(
      names = "--rounds",
      paramLabel = "N",
      description = "Samples of each contestant (default: 15; for adam-1e8 7).")
  private @Nullable Integer rounds;

  @Option(names = "--json", description = "One JSON line per item and contestant.")
  private boolean json;

  @Override
  public Integer call() {
    if (rounds != null) {
      Main.requireAtLeastOne(spec, "--rounds", rounds);
    }
    // What can be refused is refused before anything is measured.
    List<BenchItem> items =
        names.isEmpty() ? BenchItem.ALL : names.stream().map(BenchItem::of).distinct().toList();
    items.forEach(BenchItem::requireMemory);
    PrintWriter out = spec.commandLine().getOut();
    TextTable table =
        new TextTable(
            2, "item", "contestant", "median (ms)", "min (ms)", "x floor", "x libtorch-fused");
    for (BenchItem item : items) {
      List<BenchItem.Result> results = item.run(rounds == null ? item.rounds() : rounds);
      if (json) {
        results.forEach(result -> out.println(Json.write(result.toMap(item))));
        out.flush();
      } else {
        addRows(table, item, results);
      }
    }
    if (!json) {
      out.print(table);
      out.flush();
    }
    return CommandLine.ExitCode.OK;
  }

  private static void addRows(TextTable table, BenchItem item, List<BenchItem.Result> results) {
    double floor = median(results, BenchContestant.FLOOR);
    double libtorch = median(results, BenchContestant.LIBTORCH);
    for (BenchItem.Result result : results) {
      table.row(
          item.name(),
          result.contestant(),
          String.format(Locale.ROOT, "%.4f", result.medianMs()),
          String.format(Locale.ROOT, "%.4f", result.minMs()),
          String.format(Locale.ROOT, "%.2f", result.medianMs() / floor),
          String.format(Locale.ROOT, "%.2f", result.medianMs() / libtorch));
    }
  }

  private static double median(List<BenchItem.Result> results, String contestant) {
    return results.stream()
        .filter(result -> result.contestant().equals(contestant))
        .mapToDouble(BenchItem.Result::medianMs)
        .findFirst()
        .orElse(Double.NaN);
  }
}
