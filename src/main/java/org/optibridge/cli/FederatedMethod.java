package org.optibridge.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.OptimizerBuilder;
import org.optibridge.optimizer.Registry;

/**
 * One way to fight client drift: FedAvg (nothing), FedProx, Scaffold, or the last two together. It
 * makes the pipelines of clients and server.
 *
 * @param fedprox strength of FedProx's pull; null for none
 * @param scaffold whether clients correct their gradients as Scaffold has it
 */
record FederatedMethod(@Nullable Double fedprox, boolean scaffold) {
  static final FederatedMethod FEDAVG = new FederatedMethod(null, false);

  /** Rates of optimizers that have no default of their own. */
  static final double CLIENT_RATE = 0.05;

  static final double SERVER_RATE = 1;

  /** Returns what to call it. */
  String label() {
    List<String> parts = new ArrayList<>();
    if (fedprox != null) {
      parts.add("FedProx(" + fedprox + ")");
    }
    if (scaffold) {
      parts.add("Scaffold");
    }
    return parts.isEmpty() ? "FedAvg" : String.join(" + ", parts);
  }

  /** A client's pipeline: FedProx, Scaffold's correction, then the optimizer of the spec. */
  Optimizer client(OptimizerSpec spec) {
    OptiModule stepper = alone(spec);
    OptimizerBuilder builder = Optimizer.builder().learningRate(spec.rate(CLIENT_RATE));
    if (fedprox != null) {
      builder.regularizer(Registry.regularizer("fedprox", Map.of("alpha", fedprox)));
    }
    if (scaffold) {
      builder.module(Registry.module("scaffold-client", Map.of()));
    }
    return builder.module(stepper).build();
  }

  /** The server's pipeline; without a spec, it takes the averaged update off the weights. */
  Optimizer server(@Nullable OptimizerSpec spec) {
    OptimizerBuilder builder = Optimizer.builder();
    builder.learningRate(spec == null ? SERVER_RATE : spec.rate(SERVER_RATE));
    if (scaffold) {
      builder.module(Registry.module("scaffold-server", Map.of()));
    }
    if (spec != null) {
      builder.module(alone(spec));
    }
    return builder.build();
  }

  /** What a client does to its round's update before it lets go of it; null for nothing. */
  static @Nullable Optimizer release(FederateSettings settings, long seed) {
    if (settings.clip() == null && settings.noise() == null) {
      return null;
    }
    OptimizerBuilder builder = Optimizer.builder().learningRate(1);
    if (settings.clip() != null) {
      Map<String, Object> config = Map.of("max_norm", settings.clip());
      builder.module(Registry.module("l2-global-clipping", config));
    }
    if (settings.noise() != null) {
      // Repeatable noise is no protection; this is a simulation.
      Map<String, Object> config =
          Map.of("std", settings.noise(), "safe_mode", false, "seed", seed);
      builder.module(Registry.module("gaussian-noise", config));
    }
    return builder.build();
  }

  private static OptiModule alone(OptimizerSpec spec) {
    OptiModule module = spec.module();
    if (module.auxName() != null) {
      module.close();
      throw new CliException(
          "bad optimizer \"" + spec.text() + "\": it needs a counterpart; use --scaffold");
    }
    return module;
  }
}
