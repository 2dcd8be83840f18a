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
import org.optibridge.optimizer.Optimizer;
import org.optibridge.torch.TorchRuntime;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** Simulates federated training and compares methods against client drift. */
@Command(
    name = "federate",
    sortOptions = false,
    description = {
      "Simulate federated training on shards of the digits, in one process.",
      "In each round, clients train from the global weights with an optimizer of their own and send"
          + " their updates; the server averages them, weighted by images, and steps the global"
          + " weights. Everything between them travels as bytes, which are counted.",
      "Compares FedAvg, FedProx and Scaffold from equal weights on equal shards and batches, unless"
          + " --fedavg, --fedprox or --scaffold asks for one method."
    })
final class FederateCommand implements Callable<Integer> {
  private static final double FEDPROX = 0.01;

  @SuppressWarnings("NullAway.Init") // injected by picocli
  @CommandLine.Spec
  private CommandLine.Model.CommandSpec spec;

  @Option(names = "--fedavg", description = "Run plain FedAvg.")
  private boolean fedavg;

  @Option(
      names = "--fedprox",
      paramLabel = "ALPHA",
      description =
          "Run FedProx: pull clients towards the global weights (comparison: " + FEDPROX + ").")
  private @Nullable Double fedprox;

  @Option(
      names = "--scaffold",
      description = "Run Scaffold: correct the clients' gradients. With --fedprox, both at once.")
  private boolean scaffold;

  @Option(
      names = "--compare",
      description = "Compare FedAvg, FedProx and Scaffold all the same; --fedprox sets its ALPHA.")
  private boolean compare;

  @Mixin private final FederateOptions options = new FederateOptions();

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "0",
      description =
          "Of weights, shards, participants, batches and noise (default: ${DEFAULT-VALUE}).")
  private long seed;

  @Option(
      names = "--seeds",
      paramLabel = "N",
      defaultValue = "5",
      description =
          "Repeat with that many seeds, from --seed on, and show mean and standard deviation"
              + " (default: ${DEFAULT-VALUE}).")
  private int seeds;

  @Option(
      names = "--validation",
      description =
          "Measure on a fifth of the training images, held out, and leave the test images alone:"
              + " for choosing rates and strengths.")
  private boolean validation;

  @Option(
      names = "--threads",
      paramLabel = "N",
      defaultValue = "1",
      description = "Threads of libtorch (default: ${DEFAULT-VALUE}).")
  private int threads;

  @Option(
      names = "--plot",
      paramLabel = "FILE",
      description = "Draw the accuracy by round into this PNG.")
  private @Nullable Path plot;

  @Mixin private final RunOptions common = new RunOptions();

  @Override
  public Integer call() {
    FederateSettings settings = check();
    List<FederatedMethod> methods = methods();
    // What can be refused is refused before anything is trained.
    checkPipelines(settings, methods);
    Dataset data = common.data();
    if (validation) {
      data = data.heldOut();
    }
    settings.sharding().check(data.train().size(), settings.clients());
    double skew = skew(data, settings);
    TorchRuntime.require(); // has the model
    Trainer.useThreads(threads);
    List<FederatedRun> runs = new ArrayList<>();
    for (long s = seed; s < seed + seeds; s++) {
      for (FederatedMethod method : methods) {
        runs.add(run(data, settings, method, s));
      }
    }
    write(data, settings, skew, runs);
    return CommandLine.ExitCode.OK;
  }

  private FederateSettings check() {
    Main.requireAtLeastOne(spec, "--threads", threads);
    Main.requireAtLeastOne(spec, "--seeds", seeds);
    if (fedprox != null && !(fedprox >= 0 && fedprox < Double.POSITIVE_INFINITY)) {
      throw new ParameterException(
          spec.commandLine(), "--fedprox must be a number >= 0 but is " + fedprox);
    }
    if (fedavg && !compare && (scaffold || fedprox != null)) {
      throw new ParameterException(
          spec.commandLine(),
          "--fedavg excludes --fedprox and --scaffold; --compare runs them all");
    }
    Output.requireWritable(spec, "--plot", plot);
    Output.requireWritable(spec, "--json", common.json());
    return options.settings(spec);
  }

  private static void checkPipelines(FederateSettings settings, List<FederatedMethod> methods) {
    try {
      for (FederatedMethod method : methods) {
        method.client(settings.client()).close();
        method.server(settings.server()).close();
      }
      Optimizer release = FederatedMethod.release(settings, 0);
      if (release != null) {
        release.close();
      }
    } catch (IllegalArgumentException e) {
      throw new CliException(String.valueOf(e.getMessage()), e);
    }
  }

  /** The mean over seeds; fails if one of them can't be dealt. */
  private double skew(Dataset data, FederateSettings settings) {
    double sum = 0;
    for (long s = seed; s < seed + seeds; s++) {
      List<long[]> shards = Federation.shards(data, settings, s);
      sum += Sharding.skew(data.train().labels(), data.classes(), shards);
    }
    return sum / seeds;
  }

  private List<FederatedMethod> methods() {
    boolean one = !compare && (fedavg || scaffold || fedprox != null);
    if (one) {
      return List.of(new FederatedMethod(fedprox, scaffold));
    }
    return List.of(
        FederatedMethod.FEDAVG,
        new FederatedMethod(fedprox == null ? FEDPROX : fedprox, false),
        new FederatedMethod(null, true));
  }

  private FederatedRun run(
      Dataset data, FederateSettings settings, FederatedMethod method, long runSeed) {
    String task = method.label() + ", seed " + runSeed;
    try (Federation federation = new Federation(data, settings, method, runSeed)) {
      FederatedRun run;
      try (Progress progress = Progress.start(common.progress(), task, federation.steps())) {
        run = federation.run(progress::step);
      }
      if (common.progress() && !Progress.terminal()) {
        PrintWriter err = spec.commandLine().getErr();
        err.printf(
            Locale.ROOT,
            "%s: %d rounds in %.1f s, accuracy %.1f %%%n",
            task,
            run.rounds(),
            run.seconds(),
            100 * run.finalAccuracy());
        err.flush();
      }
      return run;
    }
  }

  private void write(
      Dataset data, FederateSettings settings, double skew, List<FederatedRun> runs) {
    PrintWriter out = spec.commandLine().getOut();
    FederateReport report = new FederateReport(runs);
    Path json = common.json();
    if (json != null) {
      Map<String, Object> document = new LinkedHashMap<>();
      document.put("settings", settings.toMap());
      document.put("labelSkew", skew);
      document.put("measuredOn", validation ? "validation" : "test");
      document.put("runs", runs.stream().map(FederatedRun::toMap).toList());
      Output.writeJson(out, json, document);
    }
    if (plot != null) {
      String axis = (validation ? "validation" : "test") + " accuracy (%)";
      Charts.write(plot, report.chart("Federated training on the " + data.name(), axis));
    }
    if (!Output.isStandardOutput(common.json())) {
      out.printf(
          Locale.ROOT,
          "%n%s: %d images on %d clients (%s; label skew %.2f), %d to %s with%n%s%n%n",
          data.name(),
          data.train().size(),
          settings.clients(),
          settings.sharding(),
          skew,
          data.test().size(),
          validation ? "validate" : "test",
          settings.describe());
      out.print(report.table());
      if ((settings.clip() != null || settings.noise() != null)
          && runs.stream().anyMatch(run -> run.method().scaffold())) {
        out.println("Scaffold's auxiliary variables were sent without clipping or noise.");
      }
      out.flush();
    }
  }
}
