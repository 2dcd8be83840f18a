package org.optibridge.schedulers;

import java.util.Map;
import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.Require;

/**
 * {@code base × (1 - t / limit)^power} while {@code t < limit}, then 0; t counts steps or rounds
 * from 0.
 */
public final class PolynomialDecay extends IndexedScheduler {
  /** The registered name. */
  public static final String NAME = "polynomial-decay";

  private final double power;
  private final long limit;

  /**
   * By steps.
   *
   * @param base the rate to start from; finite, at least 0
   * @param power the power: 1 falls linearly; positive
   * @param limit steps until the rate is 0; at least 1
   * @throws IllegalArgumentException if one is out of range
   */
  public PolynomialDecay(double base, double power, long limit) {
    this(base, power, limit, true);
  }

  /**
   * @param base the rate to start from; finite, at least 0
   * @param power the power: 1 falls linearly; positive
   * @param limit steps or rounds until the rate is 0; at least 1
   * @param stepLevel whether to count steps; rounds otherwise
   * @throws IllegalArgumentException if one is out of range
   */
  public PolynomialDecay(double base, double power, long limit, boolean stepLevel) {
    super(NAME, base, stepLevel);
    this.power = Require.positive(NAME, "power", power);
    this.limit = Require.count(NAME, "limit", limit, 1);
  }

  static PolynomialDecay from(ConfigReader config) {
    return new PolynomialDecay(
        config.number("base"), config.number("power"), config.integer("limit"), stepLevel(config));
  }

  @Override
  double rateAt(long index) {
    return index < limit ? base * Math.pow(1 - (double) index / limit, power) : 0;
  }

  @Override
  public Map<String, Object> getConfig() {
    Map<String, Object> config = super.getConfig();
    // declearn declares a whole number, so that is what it gets where possible.
    config.put("power", power == (double) (long) power ? (Object) (long) power : (Object) power);
    config.put("limit", limit);
    config.put("step_level", stepLevel);
    return config;
  }
}
