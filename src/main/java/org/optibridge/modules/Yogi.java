package org.optibridge.modules;

import org.optibridge.optimizer.ConfigReader;
import org.optibridge.vector.Vector;

/**
 * Yogi: {@link Adam} with a second moment that moves by a share of g², not of its distance to g²:
 * {@code v = v - sign(v - g²) × (1 - beta_2) × g²}. It falls slowly after large gradients.
 *
 * <p>As in declearn, both moments start from zero and are corrected for that.
 *
 * <p>Source: Zaheer et al., <i>Adaptive Methods for Nonconvex Optimization</i>, 2018.
 */
public final class Yogi extends BiasCorrectedModule {
  /** The registered name. */
  public static final String NAME = "yogi";

  /**
   * @param beta1 share of the first moment that is kept; at least 0, below 1
   * @param beta2 1 less the share of g² by which the second moment moves; at least 0, below 1
   * @param amsgrad whether to divide by the largest second moment so far
   * @param eps added to the divisor; at least 0. With 0, elements whose gradients were all zero
   *     come out as NaN
   * @param roundReset whether to forget moments and steps when a round begins
   * @throws IllegalArgumentException if a number is out of range
   */
  public Yogi(double beta1, double beta2, boolean amsgrad, double eps, boolean roundReset) {
    super(NAME, beta1, beta2, amsgrad, eps, roundReset);
  }

  static Yogi from(ConfigReader config) {
    return from(config, Yogi::new);
  }

  @Override
  Vector next(Vector velocity, Vector squares, double beta2) {
    return velocity.minus(velocity.minus(squares).sign().times(squares.times(1 - beta2)));
  }
}
