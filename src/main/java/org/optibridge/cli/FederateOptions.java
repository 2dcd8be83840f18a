package org.optibridge.cli;

import org.jspecify.annotations.Nullable;
import org.optibridge.trust.TrustedImports;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** The flags that say how a federated training goes, whatever the method. */
final class FederateOptions {
  private static final String LINEAR_OPTIMIZER = "SGD(lr=0.5)";
  private static final String CONVNET_OPTIMIZER = "SGD(lr=0.05)";
  private static final int SHARDS_PER_CLIENT = 2;
  private static final int LOCAL_STEPS = 20;

  @Option(
      names = "--model",
      paramLabel = "MODEL",
      defaultValue = "linear",
      description =
          "linear: softmax regression, whose loss is convex; convnet: the network of 'compare'"
              + " (default: ${DEFAULT-VALUE}).")
  private String model = "linear";

  @Option(
      names = "--clients",
      paramLabel = "N",
      defaultValue = "10",
      description = "Number of clients (default: ${DEFAULT-VALUE}).")
  private int clients;

  @Option(
      names = "--participants",
      paramLabel = "N",
      description = "Clients drawn for each round (default: all).")
  private @Nullable Integer participants;

  @Option(
      names = "--rounds",
      paramLabel = "N",
      defaultValue = "50",
      description = "Number of rounds (default: ${DEFAULT-VALUE}).")
  private int rounds;

  @ArgGroup private final LocalWork work = new LocalWork();

  /** How long a client trains in a round. */
  static final class LocalWork {
    @Option(
        names = "--local-steps",
        paramLabel = "N",
        description = "Steps of each client per round (default: " + LOCAL_STEPS + ").")
    private @Nullable Integer steps;

    @Option(
        names = "--local-epochs",
        paramLabel = "N",
        description = "Instead of steps, passes of each client over its images per round.")
    private @Nullable Integer epochs;
  }

  @Option(
      names = {"-b", "--batch-size"},
      paramLabel = "N",
      defaultValue = "32",
      description = "Images per local step (default: ${DEFAULT-VALUE}).")
  private int batchSize;

  @ArgGroup private final Split split = new Split();

  /** How images are dealt. */
  static final class Split {
    @Option(
        names = "--shards-per-client",
        paramLabel = "N",
        description =
            "Sort the images by label, cut them into N shards per client and deal them at random"
                + " (default: "
                + SHARDS_PER_CLIENT
                + "; a client then knows about as many labels).")
    private @Nullable Integer shards;

    @Option(
        names = "--alpha",
        paramLabel = "A",
        description =
            "Instead, draw the clients' shares of each label from Dirichlet(A): 0.1 is far from"
                + " even, 100 almost even.")
    private @Nullable Double alpha;

    @Option(names = "--iid", description = "Instead, deal the shuffled images evenly.")
    private boolean iid;
  }

  @Option(
      names = {"-o", "--client-optimizer"},
      paramLabel = "SPEC",
      description =
          "The clients' optimizer, as for 'compare', or a module of the pipeline by its name, such"
              + " as \"momentum(beta=0.9, lr=0.02)\" (default: "
              + LINEAR_OPTIMIZER
              + ", for the convnet "
              + CONVNET_OPTIMIZER
              + ").")
  private @Nullable String clientOptimizer;

  @Option(
      names = "--server-optimizer",
      paramLabel = "SPEC",
      description =
          "The server's, which takes the averaged update for a gradient (default: plain averaging,"
              + " a rate of 1); \"Adam(lr=0.01)\" makes it FedAdam.")
  private @Nullable String serverOptimizer;

  @Mixin private final ImportOptions importOptions = new ImportOptions();

  @Option(
      names = "--clip",
      paramLabel = "NORM",
      description = "Scale each client's round update to at most this Euclidean norm.")
  private @Nullable Double clip;

  @Option(
      names = "--noise",
      paramLabel = "STD",
      description =
          "Then add Gaussian noise of this standard deviation to each element of it. Scaffold's"
              + " auxiliary variables go without either, and no privacy budget is computed.")
  private @Nullable Double noise;

  /** Checks everything that can be checked without data. */
  FederateSettings settings(CommandSpec spec) {
    Main.requireAtLeastOne(spec, "--clients", clients);
    Main.requireAtLeastOne(spec, "--rounds", rounds);
    Main.requireAtLeastOne(spec, "--batch-size", batchSize);
    int present = participants == null ? clients : participants;
    Main.requireAtLeastOne(spec, "--participants", present);
    if (present > clients) {
      throw new ParameterException(
          spec.commandLine(),
          "--participants must be at most the number of --clients, "
              + clients
              + ", but is "
              + present);
    }
    Integer epochs = work.epochs;
    if (epochs != null) {
      Main.requireAtLeastOne(spec, "--local-epochs", epochs);
    }
    Integer steps = work.steps != null ? work.steps : epochs != null ? null : LOCAL_STEPS;
    if (steps != null) {
      Main.requireAtLeastOne(spec, "--local-steps", steps);
    }
    requirePositive(spec, "--clip", clip);
    requirePositive(spec, "--noise", noise);
    Network.Model network = model(spec);
    TrustedImports imports = importOptions.imports(spec);
    String standard = network == Network.Model.LINEAR ? LINEAR_OPTIMIZER : CONVNET_OPTIMIZER;
    return new FederateSettings(
        network,
        clients,
        present,
        rounds,
        steps,
        epochs,
        batchSize,
        sharding(spec),
        clip,
        noise,
        OptimizerSpec.parse(clientOptimizer == null ? standard : clientOptimizer, imports),
        serverOptimizer == null ? null : OptimizerSpec.parse(serverOptimizer, imports));
  }

  private Network.Model model(CommandSpec spec) {
    for (Network.Model known : Network.Model.values()) {
      if (known.name().equalsIgnoreCase(model)) {
        return known;
      }
    }
    throw new ParameterException(
        spec.commandLine(), "--model must be convnet or linear but is '" + model + "'");
  }

  private Sharding sharding(CommandSpec spec) {
    if (split.iid) {
      return new Sharding(Sharding.Kind.IID, 0);
    }
    Double alpha = split.alpha;
    if (alpha != null) {
      requirePositive(spec, "--alpha", alpha);
      return new Sharding(Sharding.Kind.DIRICHLET, alpha);
    }
    int shards = split.shards == null ? SHARDS_PER_CLIENT : split.shards;
    Main.requireAtLeastOne(spec, "--shards-per-client", shards);
    return new Sharding(Sharding.Kind.LABEL_SHARDS, shards);
  }

  private static void requirePositive(CommandSpec spec, String option, @Nullable Double value) {
    if (value != null && !(value > 0 && value < Double.POSITIVE_INFINITY)) {
      throw new ParameterException(
          spec.commandLine(), option + " must be a positive number but is " + value);
    }
  }
}
