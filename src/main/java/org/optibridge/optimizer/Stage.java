package org.optibridge.optimizer;

import java.util.Map;

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
