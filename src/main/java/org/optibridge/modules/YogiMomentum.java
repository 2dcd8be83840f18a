package org.optibridge.modules;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.Require;
import org.optibridge.vector.Vector;

/**
 * Yogi's additive average, applied to the gradients themselves: {@code s = s - sign(s - g) × (1 -
 * beta) × g}, which is the output. Where {@link Ewma} moves by a share of the distance to g, this
 * one moves by a share of g.
 *
 * <p>Source: the rule of Zaheer et al., <i>Adaptive Methods for Nonconvex Optimization</i>, 2018,
 * which has it for squared gradients. There its input is never negative; here a negative g moves s
 * away from g, as in declearn.
 */
public final class YogiMomentum extends RoundResetModule {
  /** The registered name. */
  public static final String NAME = "yogi-momentum";

  private final double beta;
  private final StateVector average = vector("state");

  /**
   * @param beta 1 less the share of the gradients that is added; at least 0, below 1
   * @param roundReset whether to forget the average when a round begins
   * @throws IllegalArgumentException if beta is out of range
   */
  public YogiMomentum(double beta, boolean roundReset) {
    super(NAME, roundReset);
    this.beta = Require.share(NAME, "beta", beta);
  }

  static YogiMomentum from(ConfigReader config) {
    return new YogiMomentum(config.number("beta", 0.9), roundReset(config));
  }

  @Override
  protected Vector compute(Vector gradients, @Nullable Vector params) {
    Vector s = average.get();
    s.assign(s.minus(s.minus(gradients).sign().times(gradients.times(1 - beta))));
    return s;
  }

  @Override
  public Map<String, Object> getConfig() {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("beta", beta);
    return withRoundReset(config);
  }
}
