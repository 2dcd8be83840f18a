package org.optibridge.modules;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.Require;
import org.optibridge.vector.Vector;

/**
 * RMSProp: {@code s = beta × s + (1 - beta) × g²}; the output is {@code g / (√s + eps)}.
 *
 * <p>Source: Tieleman and Hinton, <i>Lecture 6.5: RMSProp</i>, COURSERA: Neural Networks for
 * Machine Learning, 2012.
 */
public final class RmsProp extends RoundResetModule {
  /** The registered name. */
  public static final String NAME = "rmsprop";

  private final double beta;
  private final double eps;
  private final StateVector average = vector("state");

  /**
   * @param beta share of the average of squares that is kept; at least 0, below 1
   * @param eps added to the divisor; at least 0. With 0, elements whose gradients were all zero
   *     come out as NaN
   * @param roundReset whether to forget the average when a round begins
   * @throws IllegalArgumentException if beta or eps is out of range
   */
  public RmsProp(double beta, double eps, boolean roundReset) {
    super(NAME, roundReset);
    this.beta = Require.share(NAME, "beta", beta);
    this.eps = Require.notNegative(NAME, "eps", eps);
  }

  static RmsProp from(ConfigReader config) {
    return new RmsProp(config.number("beta", 0.9), config.number("eps", 1e-7), roundReset(config));
  }

  @Override
  protected Vector compute(Vector gradients, @Nullable Vector params) {
    Vector s = average.get();
    s.assign(s.times(beta).plus(gradients.square().times(1 - beta)));
    return gradients.dividedBy(s.sqrt().plus(eps));
  }

  @Override
  public Map<String, Object> getConfig() {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("beta", beta);
    config.put("eps", eps);
    return withRoundReset(config);
  }
}
