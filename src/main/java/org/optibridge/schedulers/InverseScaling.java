package org.optibridge.schedulers;

import java.util.Map;
import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.Require;

/** {@code base / (t + 1)^rate}, where t counts steps or rounds from 0. */
public final class InverseScaling extends IndexedScheduler {
  /** The registered name. */
  public static final String NAME = "inverse-scaling";

  private final double power;

  /**
   * By steps.
   *
   * @param base the rate to start from; finite, at least 0
   * @param power the power of the count: 0.5 for the inverse square root; finite, at least 0
   * @throws IllegalArgumentException if one is out of range
   */
  public InverseScaling(double base, double power) {
    this(base, power, true);
  }

  /**
   * @param base the rate to start from; finite, at least 0
   * @param power the power of the count: 0.5 for the inverse square root; finite, at least 0
   * @param stepLevel whether to count steps; rounds otherwise
   * @throws IllegalArgumentException if one is out of range
   */
  public InverseScaling(double base, double power, boolean stepLevel) {
    super(NAME, base, stepLevel);
    this.power = Require.notNegative(NAME, "rate", power);
  }

  static InverseScaling from(ConfigReader config) {
    return new InverseScaling(config.number("base"), config.number("rate"), stepLevel(config));
  }

  @Override
  double rateAt(long index) {
    return base / Math.pow((double) (index + 1), power);
  }

  @Override
  public Map<String, Object> getConfig() {
    Map<String, Object> config = super.getConfig();
    config.put("rate", power);
    config.put("step_level", stepLevel);
    return config;
  }
}
