package org.optibridge.cli;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.optibridge.torch.TorchRuntime;
import org.optibridge.trust.TrustedImports;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Trains one model once per optimizer and compares the runs. */
@Command(
    name = "compare",
    sortOptions = false,
    description = {
      "Train the same model from the same weights on the same batches, once per optimizer.",
      "Gradients come from libtorch's autograd; every step runs inside libtorch, on the model's own"
          + " tensors."
    })
final class CompareCommand implements Callable<Integer> {
  static final List<String> DEFAULT_OPTIMIZERS =
      List.of(
          "SGD(lr=0.05, momentum=0.9, nesterov=True)",
          "Adam(lr=0.003)",
          "AdamW(lr=0.003, weight_decay=0.05)",
          "Adagrad(lr=0.02)",
          "RMSprop(lr=0.001)");

  private static final int DIGITS_EPOCHS = 20;
  private static final int IDX_EPOCHS = 3;

  @SuppressWarnings("NullAway.Init") // injected by picocli
  @CommandLine.Spec
  private CommandLine.Model.CommandSpec spec;

  @Option(
      names = {"-o", "--optimizer"},
      paramLabel = "SPEC",
      description = {
        "NAME or \"NAME(key=value, ...)\" with Python or JSON literals; repeatable. lr is the"
            + " learning rate (default: PyTorch's; 0.01 for modules of the pipeline). 'optibridge"
            + " list' shows names and keys.",
        "Default: SGD, Adam, AdamW, Adagrad and RMSprop with rates that suit the digits."
      })
  private List<String> optimizers = new ArrayList<>();

  @Mixin private final ImportOptions importOptions = new ImportOptions();

  @Option(
      names = {"-e", "--epochs"},
      paramLabel = "N",
      description = "Passes over the training images (default: 20; with --data 3).")
  private @Nullable Integer epochs;

  @Option(
      names = {"-b", "--batch-size"},
      paramLabel = "N",
      defaultValue = "32",
      description = "Images per step (default: ${DEFAULT-VALUE}).")
  private int batchSize;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "0",
      description = "Of the initial weights and of the batches' order (default: ${DEFAULT-VALUE}).")
  private long seed;

  @Option(
      names = "--threads",
      paramLabel = "N",
      defaultValue = "1",
      description =
          "Threads of libtorch (default: ${DEFAULT-VALUE}; more do not help so small a model).")
  private int threads;

  @Option(
      names = "--plot",
      paramLabel = "FILE",
      description = "Draw the loss curves into this PNG.")
  private @Nullable Path plot;

  @Mixin private final RunOptions common = new RunOptions();

  @Override
  public Integer call() {
    List<OptimizerSpec> specs = check();
    Dataset data = common.data();
    TorchRuntime.require(); // has the model
    for (OptimizerSpec optimizer : specs) {
      Trainer.optimizer(optimizer).close();
    }
    int passes = epochs != null ? epochs : common.hasFolder() ? IDX_EPOCHS : DIGITS_EPOCHS;
    PrintWriter out = spec.commandLine().getOut();
    List<RunResult> runs = train(specs, data, passes);
    Path json = common.json();
    if (json != null) {
      Map<String, Object> document = new LinkedHashMap<>();
      document.put("runs", runs.stream().map(RunResult::toMap).toList());
      Output.writeJson(out, json, document);
    }
    if (plot != null) {
      LossPlot.write(plot, "Training on the " + data.name() + ", by optimizer", runs);
    }
    if (!Output.isStandardOutput(common.json())) {
      out.printf(
          Locale.ROOT,
          "%n%s: %d images to train on, %d to test with, %d epochs of %d steps%n%n",
          data.name(),
          data.train().size(),
          data.test().size(),
          passes,
          runs.get(0).stepsPerEpoch());
      out.print(table(runs));
      out.flush();
    }
    return CommandLine.ExitCode.OK;
  }

  /** What can be refused without data is refused first. */
  private List<OptimizerSpec> check() {
    Main.requireAtLeastOne(spec, "--batch-size", batchSize);
    Main.requireAtLeastOne(spec, "--threads", threads);
    if (epochs != null) {
      Main.requireAtLeastOne(spec, "--epochs", epochs);
    }
    Output.requireWritable(spec, "--plot", plot);
    Output.requireWritable(spec, "--json", common.json());
    List<String> texts = optimizers.isEmpty() ? DEFAULT_OPTIMIZERS : optimizers;
    TrustedImports imports = importOptions.imports(spec);
    return texts.stream().map(text -> OptimizerSpec.parse(text, imports)).toList();
  }

  private List<RunResult> train(List<OptimizerSpec> specs, Dataset data, int passes) {
    List<RunResult> runs = new ArrayList<>();
    PrintWriter err = spec.commandLine().getErr();
    try (Trainer trainer = new Trainer(data, passes, batchSize, seed, threads)) {
      for (OptimizerSpec optimizer : specs) {
        RunResult result;
        try (Progress progress =
            Progress.start(common.progress(), optimizer.name(), trainer.steps())) {
          result = trainer.run(optimizer, progress::step);
        }
        Progress.done(common.progress(), err, result);
        runs.add(result);
      }
    }
    return runs;
  }

  private static TextTable table(List<RunResult> runs) {
    TextTable table =
        new TextTable(
            1,
            "optimizer",
            "initial loss",
            "final loss",
            "test accuracy",
            "step (ms)",
            "share of time",
            "bytes copied");
    for (RunResult run : runs) {
      table.row(
          run.optimizer(),
          format("%.4f", run.initialLoss()),
          format("%.3g", run.finalLoss()),
          format("%.2f %%", 100 * run.testAccuracy()),
          format("%.4f", run.optimizerMsPerStep()),
          format("%.1f %%", 100 * run.optimizerShare()),
          String.valueOf(run.copiedBytes()));
    }
    return table;
  }

  private static String format(String pattern, double value) {
    return String.format(Locale.ROOT, pattern, value);
  }
}
