package org.optibridge.contract;

import java.util.Arrays;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.optibridge.contract.Tensors.Layout;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.optimizer.Regularizer;
import org.optibridge.optimizer.Stage;
import org.optibridge.optimizer.State;
import org.optibridge.optimizer.StateValues;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorSpec;

/** A stage by itself, called as a pipeline calls it. */
final class Subject implements AutoCloseable {
  /** What a call put out, as text that tells every bit but those of a NaN. */
  record Output(VectorSpec spec, String values) {}

  private final Example example;
  final Stage stage;

  Subject(Example example) {
    this.example = example;
    this.stage = example.make();
  }

  /** A call; returns null if the stage ended the step. */
  @Nullable Output call(Vector gradients, Vector params) {
    Vector out;
    if (stage instanceof OptiModule module) {
      out = module.run(gradients, params);
    } else {
      out = ((Regularizer) stage).run(gradients, params);
    }
    if (out == null) {
      return null;
    }
    try (Vector stored = out.materialize()) {
      if (stage instanceof OptiModule module) {
        module.afterStep(params);
      }
      return new Output(stored.spec(), Arrays.toString(stored.flatten()));
    }
  }

  /** A call with gradients and weights that depend on its number alone. */
  @Nullable Output call(Layout layout, int number) {
    try (Vector gradients = layout.vector(100 + number);
        Vector params = layout.vector(200 + number)) {
      return call(gradients, params);
    }
  }

  /** The calls from one number up to another; the fourth begins a round. */
  String calls(Layout layout, int from, int to) {
    StringBuilder outputs = new StringBuilder();
    for (int number = from; number < to; number++) {
      if (number == 3) {
        stage.startRound();
      }
      outputs.append(call(layout, number)).append('\n');
    }
    return outputs.toString();
  }

  Map<String, Object> state() {
    return StateValues.of(stage);
  }

  /** The state but for texts: ids that tell one module from another. */
  Map<String, Object> anonymousState() {
    Map<String, Object> state = state();
    state.values().removeIf(value -> value instanceof String text && !text.startsWith("["));
    return state;
  }

  /** A new one of the same config with a copy of this one's state. */
  Subject moved() {
    Subject fresh = new Subject(example);
    try (State state = stage.getState()) {
      fresh.stage.setState(state);
    } catch (RuntimeException | Error e) {
      fresh.close();
      throw e;
    }
    return fresh;
  }

  @Override
  public void close() {
    stage.close();
  }
}
