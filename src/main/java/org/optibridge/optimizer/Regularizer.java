package org.optibridge.optimizer;

import java.util.Map;
import org.optibridge.vector.Vector;

/**
 * A term added to the loss, given by what it adds to the gradients. Regularizers act before all
 * modules. The contract on outputs, state and threads is that of {@link OptiModule}.
 */
public interface Regularizer extends AutoCloseable {
  /**
   * @return the registered name, as in configs: {@code "fedprox"}
   */
  String name();

  /**
   * @param gradients of the loss, or what the regularizer before put out
   * @param params the weights they belong to
   * @return the gradients of the regularized loss
   */
  Vector run(Vector gradients, Vector params);

  /** Returns the hyper-parameters, as plain JSON data. */
  Map<String, Object> getConfig();

  /** Tells that a new round of federated training begins. */
  default void startRound() {}

  /** Releases native memory. */
  @Override
  default void close() {}
}
