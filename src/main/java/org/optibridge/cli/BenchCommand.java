package org.optibridge.cli;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.optibridge.cli.bench.BenchItem;
import org.optibridge.cli.bench.BenchItems;
import org.optibridge.cli.bench.Figure;
import org.optibridge.cli.bench.Footprint;
import org.optibridge.cli.bench.ProcessMemory;
import org.optibridge.cli.bench.Steadiness;
import org.optibridge.cli.bench.Threads;
import org.optibridge.cli.bench.Timing;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Times optimizer steps against libtorch's own and the machine's memory. */
@Command(
    name = "bench",
    sortOptions = false,
    description = {
      "Time optimizer steps on float32 tensors, all contestants in interleaved rounds, each on"
          + " memory of its own. Before that they must agree on the weights after three steps.",
      "Contestants for an optimizer: optibridge (libtorch's step, in place), optibridge-core (this"
          + " library's own Adam), libtorch-plain (the chain of operators on whole tensors, called"
          + " from C++), libtorch-fused (the kernel called from C++, where there is one), floor (a"
          + " bare loop with the same memory traffic).",
      "Contestants for the pipeline (FedProx, global clipping, Adam, decay): optibridge,"
          + " optibridge-torch (libtorch's Adam in it), torch-as-written, torch-tuned (in place) and"
          + " torch-blocked (in pieces that stay in cache): libtorch's operators from C++; floor.",
      "Contestants for Keras's Adam: optibridge-tensorflow (TensorFlow's kernel, in place),"
          + " tensorflow-c (a call of the kernel for each tensor, from C++); floor."
    })
final class BenchCommand implements Callable<Integer> {
  @SuppressWarnings("NullAway.Init") // injected by picocli
  @CommandLine.Spec
  private CommandLine.Model.CommandSpec spec;

  @Parameters(
      paramLabel = "ITEM",
      arity = "0..*",
      description = {
        "adam-1e4, adam-1e6, adam-1e7, adam-1e8: Adam on one tensor;",
        "adam-2000x100: Adam on 2,000 tensors;",
        "adamw-resnet50, adamw-gpt2: AdamW on the parameters of ResNet-50 and GPT-2 small;",
        "pipeline-1e7, pipeline-gpt2: the pipeline;",
        "tf-adam-1e6, tf-adam-1e7, tf-adam-2000x100: Keras's Adam with TensorFlow's kernel;",
        "memory-1e8: bytes per parameter beyond parameters and gradients.",
        "Default: adam-1e4, adam-1e7, adam-2000x100, pipeline-1e7. Those of 1e8 and of"
            + " GPT-2 need several GB of memory."
      })
  private List<String> names = new ArrayList<>();

  @Option(
      names = "--optimizer",
      paramLabel = "SPEC",
      description =
          "An optimizer of libtorch to measure in place of Adam and AdamW, as"
              + " 'RMSprop(momentum=0.9)'; pipelines are left out then.")
  private @Nullable String optimizer;

  @Option(
      names = "--rounds",
      paramLabel = "N",
      description = "Samples of each contestant (default: 5 to 15, fewer for large items).")
  private @Nullable Integer rounds;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads of each contestant (default: as many as libtorch takes by itself).")
  private @Nullable Integer threads;

  @Option(names = "--json", description = "One JSON line per item and contestant.")
  private boolean json;

  @Override
  public Integer call() {
    if (rounds != null) {
      Main.requireAtLeastOne(spec, "--rounds", rounds);
    }
    if (threads != null) {
      Main.requireAtLeastOne(spec, "--threads", threads);
    }
    // What can be refused is refused before anything is measured.
    BenchItems all = optimizer == null ? BenchItems.all() : itemsOf(optimizer);
    List<BenchItem> items =
        names.isEmpty()
            ? all.defaults()
            : names.stream().map(name -> item(all, name)).distinct().toList();
    items.forEach(BenchItem::requireFramework);
    items.forEach(BenchCommand::requireMemory);
    PrintWriter out = spec.commandLine().getOut();
    try (Threads same = Threads.use(threads == null ? 0 : threads)) {
      for (BenchItem item : items) {
        List<? extends Figure> figures = run(item);
        if (json) {
          figures.forEach(figure -> out.println(Json.write(figure.toMap())));
        } else {
          out.println(optimizer == null ? item.title() : item.title() + ", " + optimizer);
          out.print(table(figures));
          List<Timing> timings = timingsOf(figures);
          out.println(timings.isEmpty() ? "" : Steadiness.describe(timings) + "\n");
        }
        out.flush();
      }
    }
    return CommandLine.ExitCode.OK;
  }

  private List<? extends Figure> run(BenchItem item) {
    try {
      return item.run(rounds == null ? item.rounds() : rounds);
    } catch (IllegalArgumentException e) {
      throw new CliException(item.name() + ": " + e.getMessage(), e);
    }
  }

  private static BenchItems itemsOf(String text) {
    OptimizerSpec parsed = OptimizerSpec.parse(text);
    return BenchItems.of(parsed.forBench());
  }

  private static BenchItem item(BenchItems all, String name) {
    return all.find(name)
        .orElseThrow(
            () ->
                new CliException(
                    "unknown item '"
                        + name
                        + "'; known: "
                        + all.items().stream()
                            .map(BenchItem::name)
                            .collect(Collectors.joining(", "))));
  }

  /** Refuses to start what would make the machine swap. */
  private static void requireMemory(BenchItem item) {
    OptionalLong available = ProcessMemory.availableBytes();
    if (available.isPresent() && item.bytesNeeded() > available.getAsLong()) {
      throw new CliException(
          String.format(
              Locale.ROOT,
              "%s needs %.1f GB of memory, %.1f GB are available",
              item.name(),
              item.bytesNeeded() / 1e9,
              available.getAsLong() / 1e9));
    }
  }

  private static List<Timing> timingsOf(List<? extends Figure> figures) {
    return figures.stream().filter(Timing.class::isInstance).map(Timing.class::cast).toList();
  }

  private static TextTable table(List<? extends Figure> figures) {
    List<Timing> timings = timingsOf(figures);
    return timings.isEmpty() ? footprints(figures) : timings(timings);
  }

  /** A column for every contestant says how many times its median another one takes. */
  private static TextTable timings(List<Timing> timings) {
    boolean many = timings.get(0).tensors() > 1;
    List<String> header = new ArrayList<>(List.of("contestant", "median (ms)", "min (ms)"));
    if (many) {
      header.add("us/tensor");
    }
    timings.forEach(timing -> header.add("x " + timing.contestant()));
    TextTable table = new TextTable(1, header.toArray(String[]::new));
    for (Timing timing : timings) {
      List<String> row = new ArrayList<>();
      row.add(timing.contestant());
      row.add(String.format(Locale.ROOT, "%.4f", timing.medianMs()));
      row.add(String.format(Locale.ROOT, "%.4f", timing.minMs()));
      if (many) {
        row.add(String.format(Locale.ROOT, "%.3f", timing.microsPerTensor()));
      }
      for (Timing other : timings) {
        row.add(
            String.format(
                Locale.ROOT, "%.2f", timing.ratios().getOrDefault(other.contestant(), 1.0)));
      }
      table.row(row.toArray(String[]::new));
    }
    return table;
  }

  private static TextTable footprints(List<? extends Figure> figures) {
    TextTable table =
        new TextTable(1, "contestant", "native bytes/parameter", "process growth/parameter");
    for (Figure figure : figures) {
      if (figure instanceof Footprint footprint) {
        table.row(
            footprint.contestant(),
            String.format(Locale.ROOT, "%.2f", footprint.nativeBytes()),
            footprint.residentBytes().isPresent()
                ? String.format(Locale.ROOT, "%.2f", footprint.residentBytes().getAsDouble())
                : "unknown");
      }
    }
    return table;
  }
}
