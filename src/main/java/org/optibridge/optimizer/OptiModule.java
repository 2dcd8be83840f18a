package org.optibridge.optimizer;

import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.optibridge.vector.Vector;

/**
 * One stage of an {@link Optimizer}: turns gradients into gradients of another kind (clipped,
 * averaged, adapted). Modules run in order, each on the output of the one before.
 *
 * <p><b>Contract.</b> The output has the names, shapes and dtypes of the input. It is
 * gradient-like: the pipeline scales it by the learning rate and subtracts it. The input is not
 * written to. The output may be an expression, or refer to memory of the module that is valid until
 * its next call.
 *
 * <p><b>To implement:</b> {@link #name()}, {@link #run}, {@link #getConfig()}. <b>To override</b>
 * where there is state: {@link #reset()}, {@link #getState()}, {@link #setState}, {@link #close()}.
 *
 * <p><b>Thread-safety.</b> None needed: the optimizer lets one call at a time through.
 */
public interface OptiModule extends AutoCloseable {
  /**
   * @return the registered name, as in configs: {@code "l2-global-clipping"}
   */
  String name();

  /**
   * @param gradients what the stage before put out
   * @param params the weights that the pipeline steps; null where there are none at hand, which a
   *     module that depends on them must say clearly
   * @return the transformed gradients
   * @throws IllegalArgumentException if the gradients' names, shapes or dtypes are not those of the
   *     module's state
   */
  Vector run(Vector gradients, @Nullable Vector params);

  /** Returns the hyper-parameters, as plain JSON data: numbers, strings, booleans, lists, maps. */
  Map<String, Object> getConfig();

  /** Forgets all state, so that the next call is a first one. */
  default void reset() {}

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
   * @param state from {@link #getState()} of a module with the same config
   * @throws IllegalArgumentException if it does not fit; the module keeps its former state
   */
  default void setState(State state) {
    if (!state.keys().isEmpty()) {
      throw new IllegalArgumentException(
          "Module '" + name() + "' has no state, but was given " + state.keys());
    }
  }

  /** Releases native memory. */
  @Override
  default void close() {}
}
