package org.optibridge.optimizer;

import org.optibridge.vector.Vector;

/**
 * A term added to the loss, given by what it adds to the gradients. Regularizers act before all
 * modules. The contract on outputs is that of {@link OptiModule}.
 */
public interface Regularizer extends Stage {
  /**
   * @param gradients of the loss, or what the regularizer before put out
   * @param params the weights they belong to
   * @return the gradients of the regularized loss
   * @throws IllegalArgumentException if the specs do not fit one another or the state
   */
  Vector run(Vector gradients, Vector params);
}
