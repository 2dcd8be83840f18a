package org.optibridge.regularizers;

import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.FormulaRegularizer;
import org.optibridge.optimizer.TensorFilter;
import org.optibridge.vector.Vector;

/**
 * Penalizes the weights' squares, by the gradient of {@code alpha × Σw²}: {@code g + 2 × alpha ×
 * w}.
 *
 * <p>Source: Hoerl and Kennard, <i>Ridge Regression: Biased Estimation for Nonorthogonal
 * Problems</i>, 1970.
 */
public final class Ridge extends FormulaRegularizer {
  /** The registered name. */
  public static final String NAME = "ridge";

  /**
   * @param alpha strength of the penalty; finite
   * @throws IllegalArgumentException if it is not
   */
  public Ridge(double alpha) {
    this(alpha, TensorFilter.all());
  }

  /**
   * @param alpha strength of the penalty; finite
   * @param filter which tensors are penalized
   * @throws IllegalArgumentException if alpha is not finite
   */
  public Ridge(double alpha, TensorFilter filter) {
    super(NAME, alpha, filter);
  }

  static Ridge from(ConfigReader config) {
    return new Ridge(config.number("alpha", 0.01), TensorFilter.from(config));
  }

  @Override
  protected Vector term(Vector params) {
    return params.times(2);
  }
}
