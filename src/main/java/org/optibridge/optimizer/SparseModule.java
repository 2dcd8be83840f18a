package org.optibridge.optimizer;

import org.jspecify.annotations.Nullable;
import org.optibridge.vector.SparseGradients;
import org.optibridge.vector.Vector;

/**
 * A module that can step weights by gradients of which some are rows of larger tensors, at a cost
 * that grows with these rows and not with the tensors. It does so in place only: its output would
 * be sparse in other rows than its input, so there is no sparse counterpart of {@link #run}.
 */
public interface SparseModule extends OptiModule {
  /**
   * @return why this module, as it is configured, takes no sparse gradients: the end of a sentence;
   *     null if it takes them
   */
  @Nullable String sparseRefusal();

  /**
   * Steps the weights.
   *
   * @param params written in place
   * @param gradients of the same tensors, read only
   * @param learningRate the rate of this step
   * @throws IllegalArgumentException naming the tensor, if something does not fit; nothing is
   *     changed then
   */
  void stepSparseInPlace(Vector params, SparseGradients gradients, double learningRate);
}
