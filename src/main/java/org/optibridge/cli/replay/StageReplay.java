package org.optibridge.cli.replay;

import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.optimizer.Registry;
import org.optibridge.optimizer.Regularizer;
import org.optibridge.optimizer.SparseModule;
import org.optibridge.optimizer.Stage;
import org.optibridge.optimizer.State;
import org.optibridge.vector.Recording;
import org.optibridge.vector.Vector;

/** Levels {@code module} and {@code regularizer}: one stage by itself. */
final class StageReplay<T extends Stage> {
  /** One call of a stage; its output is to be closed by the caller. */
  private interface Call<T> {
    Vector run(T stage, Vector gradients, Field step);
  }

  private final Field one;
  private final Comparison check;
  private final String name;
  private final List<String> names;
  private final Supplier<T> factory;
  private final Call<T> call;
  private final Events<T> events = new Events<>(Stage::startRound, Stage::reset, this::moved);

  private StageReplay(Field one, Comparison check, String name, Supplier<T> factory, Call<T> call) {
    this.one = one;
    this.check = check;
    this.name = name;
    this.names = Tensor.names(one);
    this.factory = factory;
    this.call = call;
  }

  static void modules(Field one, Comparison check) {
    String name = one.get("module").text();
    Frameworks.require(name);
    Map<String, Object> config = Configs.stage(one, name);
    new StageReplay<OptiModule>(
            one,
            check,
            name,
            () -> Registry.module(name, config),
            (module, gradients, step) -> compute(gradients, () -> module.run(gradients, null)))
        .run();
  }

  static void regularizers(Field one, Comparison check) {
    String name = one.get("regularizer").text();
    List<String> names = Tensor.names(one);
    Map<String, Object> config = Configs.stage(one, name);
    new StageReplay<Regularizer>(
            one,
            check,
            name,
            () -> Registry.regularizer(name, config),
            (regularizer, gradients, step) -> {
              try (Vector weights = Tensor.vector(step.get("weights"), names)) {
                return compute(gradients, () -> regularizer.run(gradients, weights));
              }
            })
        .run();
  }

  /** The value of an output, before what it refers to is gone; zeros if there is none. */
  private static Vector compute(Vector gradients, Supplier<@Nullable Vector> output) {
    Vector result = Vector.allocate(gradients.spec());
    try (Recording recording = Recording.begin()) {
      Vector value = output.get();
      if (value != null) {
        result.assign(value);
      }
      recording.commit();
      return result;
    } catch (RuntimeException | Error e) {
      result.close();
      throw e;
    }
  }

  private void run() {
    T stage = factory.get();
    try {
      int number = 0;
      for (Field step : one.get("steps").list()) {
        number++;
        for (Field event : step.optionalList("before")) {
          stage = events.apply(event, stage);
        }
        step(stage, step, "step " + number);
      }
      if (one.has("state")) {
        state(stage, one.get("state"), "the last state");
      }
    } finally {
      stage.close();
    }
  }

  private T moved(T stage) {
    T fresh = factory.get();
    try (State state = stage.getState()) {
      fresh.setState(state);
    } catch (RuntimeException | Error e) {
      fresh.close();
      throw e;
    }
    stage.close();
    return fresh;
  }

  private void step(T stage, Field step, String place) {
    if (stage instanceof SparseModule module
        && SparseReplay.isSparse(step.get("gradients"), names)) {
      SparseReplay.step(module, step, names, place, check);
    } else {
      dense(stage, step, place);
    }
    if (step.has("state")) {
      state(stage, step.get("state"), place + ", state");
    }
  }

  private void dense(T stage, Field step, String place) {
    try (Vector gradients = Tensor.vector(step.get("gradients"), names);
        Vector updates = call.run(stage, gradients, step)) {
      check.vector(place + ", updates", updates, step.get("updates"));
    }
  }

  private void state(T stage, Field expected, String place) {
    try (State state = stage.getState()) {
      new StateCheck(check, names).stage(place, name, state, expected);
    }
  }
}
