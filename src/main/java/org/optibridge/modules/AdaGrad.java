package org.optibridge.modules;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.Require;
import org.optibridge.vector.Vector;

/**
 * AdaGrad: {@code s = s + g²}; the output is {@code g / (√s + eps)}.
 *
 * <p>Source: Duchi, Hazan and Singer, <i>Adaptive Subgradient Methods for Online Learning and
 * Stochastic Optimization</i>, 2011.
 */
public final class AdaGrad extends RoundResetModule {
  /** The registered name. */
  public static final String NAME = "adagrad";

  private final double eps;
  private final StateVector sum = vector("state");

  /**
   * @param eps added to the divisor; at least 0. With 0, elements whose gradients were all zero
   *     come out as NaN
   * @param roundReset whether to forget the sum when a round begins
   * @throws IllegalArgumentException if eps is negative or not finite
   */
  public AdaGrad(double eps, boolean roundReset) {
    super(NAME, roundReset);
    this.eps = Require.notNegative(NAME, "eps", eps);
  }

  static AdaGrad from(ConfigReader config) {
    return new AdaGrad(config.number("eps", 1e-7), roundReset(config));
  }

  @Override
  protected Vector compute(Vector gradients, @Nullable Vector params) {
    Vector s = sum.get();
    s.assign(s.plus(gradients.square()));
    return gradients.dividedBy(s.sqrt().plus(eps));
  }

  @Override
  public Map<String, Object> getConfig() {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("eps", eps);
    return withRoundReset(config);
  }
}
