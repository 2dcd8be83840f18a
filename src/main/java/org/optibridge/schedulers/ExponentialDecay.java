package org.optibridge.schedulers;

import java.util.Map;
import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.Require;

/** {@code base × rate^t}, where t counts steps or rounds from 0. */
public final class ExponentialDecay extends IndexedScheduler {
  /** The registered name. */
  public static final String NAME = "exponential-decay";

  private final double factor;

  /**
   * By steps.
   *
   * @param base the rate to start from; finite, at least 0
   * @param factor what the rate is multiplied by at each step, normally below 1; finite, at least 0
   * @throws IllegalArgumentException if one is out of range
   */
  public ExponentialDecay(double base, double factor) {
    this(base, factor, true);
  }

  /**
   * @param base the rate to start from; finite, at least 0
   * @param factor what the rate is multiplied by at each step or round, normally below 1; finite,
   *     at least 0
   * @param stepLevel whether to count steps; rounds otherwise
   * @throws IllegalArgumentException if one is out of range
   */
  public ExponentialDecay(double base, double factor, boolean stepLevel) {
    super(NAME, base, stepLevel);
    this.factor = Require.notNegative(NAME, "rate", factor);
  }

  static ExponentialDecay from(ConfigReader config) {
    return new ExponentialDecay(config.number("base"), config.number("rate"), stepLevel(config));
  }

  @Override
  double rateAt(long index) {
    return base * Math.pow(factor, (double) index);
  }

  @Override
  public Map<String, Object> getConfig() {
    Map<String, Object> config = super.getConfig();
    config.put("rate", factor);
    config.put("step_level", stepLevel);
    return config;
  }
}
