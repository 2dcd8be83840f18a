package org.optibridge.optimizer;

import org.optibridge.vector.Vector;

/**
 * A module that can apply its step to the weights itself, learning rate included. A pipeline uses
 * it when the module is the last stage and no weight decay of the pipeline is due: same result, no
 * pass over memory beside the step's own.
 */
public interface InPlaceModule extends OptiModule {
  /**
   * Steps the weights: {@code params -= learningRate × run(gradients, params)}.
   *
   * @param params written in place
   * @param gradients read only; may be an expression
   * @param learningRate the rate of this step
   */
  void stepInPlace(Vector params, Vector gradients, double learningRate);

  /**
   * Whether the last {@link #stepInPlace} left the weights alone because its gradients were no
   * good, so that the pipeline does not count it.
   *
   * @return true after a step that was none
   */
  default boolean skippedStep() {
    return false;
  }
}
