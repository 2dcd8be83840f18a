package org.optibridge.regularizers;

import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.FormulaRegularizer;
import org.optibridge.optimizer.TensorFilter;
import org.optibridge.vector.Vector;

/**
 * Penalizes the weights' magnitudes, by the gradient of {@code alpha × Σ|w|}: {@code g + alpha ×
 * sign(w)}. A weight of 0 is left alone.
 *
 * <p>Source: Tibshirani, <i>Regression Shrinkage and Selection via the Lasso</i>, 1996.
 */
public final class Lasso extends FormulaRegularizer {
  /** The registered name. */
  public static final String NAME = "lasso";

  /**
   * @param alpha strength of the penalty; finite
   * @throws IllegalArgumentException if it is not
   */
  public Lasso(double alpha) {
    this(alpha, TensorFilter.all());
  }

  /**
   * @param alpha strength of the penalty; finite
   * @param filter which tensors are penalized
   * @throws IllegalArgumentException if alpha is not finite
   */
  public Lasso(double alpha, TensorFilter filter) {
    super(NAME, alpha, filter);
  }

  static Lasso from(ConfigReader config) {
    return new Lasso(config.number("alpha", 0.01), TensorFilter.from(config));
  }

  @Override
  protected Vector term(Vector params) {
    return params.sign();
  }
}
