package org.optibridge.cli.replay;

import java.util.List;
import java.util.Map;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.State;
import org.optibridge.vector.Vector;

/** Level {@code optimizer}: whole pipelines, each step from the recorded parameters. */
final class OptimizerReplay {
  private final Field one;
  private final Comparison check;
  private final List<String> names;
  private final Map<String, Object> config;
  private final Events<Optimizer> events =
      new Events<>(Optimizer::startRound, Optimizer::reset, this::moved);

  private OptimizerReplay(Field one, Comparison check) {
    this.one = one;
    this.check = check;
    this.names = Tensor.names(one);
    Map<String, Object> merged = Configs.pipeline(one);
    Frameworks.requireAll(merged.get("modules"));
    this.config = merged;
  }

  static void run(Field one, Comparison check) {
    new OptimizerReplay(one, check).run();
  }

  private void run() {
    Optimizer optimizer = Optimizer.fromConfig(config);
    try (Vector params = Tensor.vector(one.get("params0"), names)) {
      int number = 0;
      for (Field step : one.get("steps").list()) {
        number++;
        for (Field event : step.optionalList("before")) {
          optimizer = events.apply(event, optimizer);
        }
        step(optimizer, params, step, "step " + number);
      }
      if (one.has("state")) {
        state(optimizer, one.get("state"), "the last state");
      }
    } finally {
      optimizer.close();
    }
  }

  private Optimizer moved(Optimizer optimizer) {
    return moved(optimizer, config);
  }

  /** A fresh optimizer with the state of another, which is closed. */
  static Optimizer moved(Optimizer optimizer, Map<String, Object> config) {
    Optimizer fresh = Optimizer.fromConfig(config);
    try (State state = optimizer.getState()) {
      fresh.setState(state);
    } catch (RuntimeException | Error e) {
      fresh.close();
      throw e;
    }
    optimizer.close();
    return fresh;
  }

  private void step(Optimizer optimizer, Vector params, Field step, String place) {
    if (step.has("lrate")) {
      double rate = step.get("lrate").number();
      check.number(place + ", lrate", optimizer.learningRate(), rate, Tolerance.RATES);
    }
    if (step.has("w_decay")) {
      double decay = step.get("w_decay").number();
      check.number(place + ", w_decay", optimizer.weightDecay(), decay, Tolerance.RATES);
    }
    try (Vector gradients = Tensor.vector(step.get("gradients"), names);
        Vector updates = optimizer.computeUpdates(params, gradients)) {
      check.vector(place + ", updates", updates, step.get("updates"));
      optimizer.applyUpdates(params, updates);
    }
    if (step.has("params")) {
      check.vector(place + ", params", params, step.get("params"));
      try (Vector recorded = Tensor.vector(step.get("params"), names)) {
        params.assign(recorded);
      }
    }
    if (step.has("state")) {
      state(optimizer, step.get("state"), place + ", state");
    }
  }

  private void state(Optimizer optimizer, Field expected, String place) {
    try (State state = optimizer.getState()) {
      new StateCheck(check, names).pipeline(place, state, expected, config);
    }
  }
}
