package org.optibridge.modules;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.Require;
import org.optibridge.vector.Vector;

/**
 * Exponentially weighted moving average of the gradients: {@code s = beta × s + (1 - beta) × g},
 * which is the output. It starts from zero and is not corrected for that.
 *
 * <p>Source: the first moment of Kingma and Ba, <i>Adam: A Method for Stochastic Optimization</i>,
 * 2015.
 */
public final class Ewma extends RoundResetModule {
  /** The registered name. */
  public static final String NAME = "ewma";

  private final double beta;
  private final StateVector average = vector("state");

  /**
   * @param beta share of the average that is kept; at least 0, below 1
   * @param roundReset whether to forget the average when a round begins
   * @throws IllegalArgumentException if beta is out of range
   */
  public Ewma(double beta, boolean roundReset) {
    super(NAME, roundReset);
    this.beta = Require.share(NAME, "beta", beta);
  }

  static Ewma from(ConfigReader config) {
    return new Ewma(config.number("beta", 0.9), roundReset(config));
  }

  @Override
  protected Vector compute(Vector gradients, @Nullable Vector params) {
    Vector s = average.get();
    s.assign(s.times(beta).plus(gradients.times(1 - beta)));
    return s;
  }

  @Override
  public Map<String, Object> getConfig() {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("beta", beta);
    return withRoundReset(config);
  }
}
