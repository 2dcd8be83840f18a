package org.optibridge.optimizer;

import java.util.Map;
import org.optibridge.vector.VectorSpec;

/**
 * What modules and regularizers of a pipeline have in common: a registered name, hyper-parameters,
 * and state that can be saved, restored and forgotten.
 *
 * <p>Most stages extend {@link FormulaModule} or {@link FormulaRegularizer}, which do all of this
 * but the formula.
 *
 * <p><b>Thread-safety.</b> None needed: the optimizer lets one call at a time through.
 */
public interface Stage extends AutoCloseable {
  /**
   * @return the registered name, as in configs: {@code "l2-global-clipping"}
   */
  String name();

  /**
   * @return the hyper-parameters, as plain JSON data: numbers, strings, booleans, lists, maps; what
   *     the registered factory makes an equal stage from
   */
  Map<String, Object> getConfig();

  /** Forgets all state, so that the next call is a first one. */
  default void reset() {}

  /** Tells that a new round of federated training begins. */
  default void startRound() {}

  /**
   * Tells that gradients of some weights are missing from the step that comes next: the stage is
   * called for the others only, and is to leave the missing ones alone with all their state. A
   * stage without state for each tensor can do so; by default a stage refuses.
   *
   * @param weights all weights of the pipeline
   * @throws IllegalArgumentException if the stage can't; nothing is changed then
   */
  default void beforePartialStep(VectorSpec weights) {
    throw new IllegalArgumentException(
        "'"
            + name()
            + "' can't step some of the weights only: it needs a gradient for each. Give zeros for"
            + " those that have none, or leave this stage out");
  }

  /**
   * A copy of the state, enough to go on from in another process.
   *
   * @return the state, to be closed by the caller
   */
  default State getState() {
    return new State();
  }

  /**
   * Replaces the state by a copy of another.
   *
   * @param state from {@link #getState()} of a stage with the same config
   * @throws IllegalArgumentException if it does not fit; the stage keeps its former state
   */
  default void setState(State state) {
    if (!state.keys().isEmpty()) {
      throw new IllegalArgumentException(
          "'" + name() + "' has no state, but was given " + state.keys());
    }
  }

  /** Releases native memory. */
  @Override
  default void close() {}
}
