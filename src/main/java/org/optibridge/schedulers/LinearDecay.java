package org.optibridge.schedulers;

import java.util.Map;
import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.Require;

/** {@code base × max(0, 1 - rate × t)}, where t counts steps or rounds from 0. */
public final class LinearDecay extends IndexedScheduler {
  /** The registered name. */
  public static final String NAME = "linear-decay";

  private final double share;

  /**
   * By steps.
   *
   * @param base the rate to start from; finite, at least 0
   * @param share the share of base that each step takes off; finite, at least 0
   * @throws IllegalArgumentException if one is out of range
   */
  public LinearDecay(double base, double share) {
    this(base, share, true);
  }

  /**
   * @param base the rate to start from; finite, at least 0
   * @param share the share of base that each step or round takes off; finite, at least 0
   * @param stepLevel whether to count steps; rounds otherwise
   * @throws IllegalArgumentException if one is out of range
   */
  public LinearDecay(double base, double share, boolean stepLevel) {
    super(NAME, base, stepLevel);
    this.share = Require.notNegative(NAME, "rate", share);
  }

  static LinearDecay from(ConfigReader config) {
    return new LinearDecay(config.number("base"), config.number("rate"), stepLevel(config));
  }

  @Override
  double rateAt(long index) {
    return base * Math.max(1 - share * index, 0);
  }

  @Override
  public Map<String, Object> getConfig() {
    Map<String, Object> config = super.getConfig();
    config.put("rate", share);
    config.put("step_level", stepLevel);
    return config;
  }
}
