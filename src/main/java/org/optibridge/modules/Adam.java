package org.optibridge.modules;

import org.optibridge.optimizer.ConfigReader;
import org.optibridge.vector.Vector;

/**
 * Adam: {@code m = beta_1 × m + (1 - beta_1) × g} and {@code v = beta_2 × v + (1 - beta_2) × g²},
 * both from zero. At step t, counted from 1, the output is {@code m̂ / (√v̂ + eps)} with {@code m̂
 * = m / (1 - beta_1ᵗ)} and {@code v̂ = v / (1 - beta_2ᵗ)}; with AMSGrad, v̂ is the largest so far,
 * element by element.
 *
 * <p>As in declearn, AMSGrad's maximum is taken after the correction (PyTorch: before it), and the
 * defaults are beta_2 = 0.99 and eps = 10⁻⁷.
 *
 * <p>Source: Kingma and Ba, <i>Adam: A Method for Stochastic Optimization</i>, 2015; Reddi, Kale
 * and Kumar, <i>On the Convergence of Adam and Beyond</i>, 2018.
 */
public final class Adam extends BiasCorrectedModule {
  /** The registered name. */
  public static final String NAME = "adam";

  /**
   * @param beta1 share of the first moment that is kept; at least 0, below 1
   * @param beta2 share of the second moment that is kept; at least 0, below 1
   * @param amsgrad whether to divide by the largest second moment so far
   * @param eps added to the divisor; at least 0. With 0, elements whose gradients were all zero
   *     come out as NaN
   * @param roundReset whether to forget moments and steps when a round begins
   * @throws IllegalArgumentException if a number is out of range
   */
  public Adam(double beta1, double beta2, boolean amsgrad, double eps, boolean roundReset) {
    super(NAME, beta1, beta2, amsgrad, eps, roundReset);
  }

  static Adam from(ConfigReader config) {
    return from(config, Adam::new);
  }

  @Override
  Vector next(Vector velocity, Vector squares, double beta2) {
    return velocity.times(beta2).plus(squares.times(1 - beta2));
  }
}
