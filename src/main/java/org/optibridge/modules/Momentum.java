package org.optibridge.modules;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.Require;
import org.optibridge.vector.Vector;

/**
 * Classical momentum: {@code v = beta × v + g}; the output is v, or {@code beta × v + g} with
 * Nesterov's correction.
 *
 * <p>Source: Sutskever et al., <i>On the importance of initialization and momentum in deep
 * learning</i>, 2013.
 */
public final class Momentum extends RoundResetModule {
  /** The registered name. */
  public static final String NAME = "momentum";

  private final double beta;
  private final boolean nesterov;
  private final StateVector velocity = vector("velocity");

  /**
   * @param beta share of the velocity that is kept; at least 0, below 1
   * @param nesterov whether to look ahead
   * @param roundReset whether to forget the velocity when a round begins
   * @throws IllegalArgumentException if beta is out of range
   */
  public Momentum(double beta, boolean nesterov, boolean roundReset) {
    super(NAME, roundReset);
    this.beta = Require.share(NAME, "beta", beta);
    this.nesterov = nesterov;
  }

  static Momentum from(ConfigReader config) {
    return new Momentum(
        config.number("beta", 0.9), config.flag("nesterov", false), roundReset(config));
  }

  @Override
  protected Vector compute(Vector gradients, @Nullable Vector params) {
    Vector v = velocity.get();
    v.assign(v.times(beta).plus(gradients));
    return nesterov ? v.times(beta).plus(gradients) : v;
  }

  @Override
  public Map<String, Object> getConfig() {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("beta", beta);
    config.put("nesterov", nesterov);
    return withRoundReset(config);
  }
}
