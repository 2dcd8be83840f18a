package org.optibridge.schedulers;

import java.util.Map;
import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.Require;

/**
 * {@code base × rate^⌊t / step_size⌋}, where t counts steps or rounds from 0: constant for {@code
 * step_size} of them, then multiplied by {@code rate}, and so on.
 */
public final class PiecewiseDecay extends IndexedScheduler {
  /** The registered name. */
  public static final String NAME = "piecewise-decay";

  private final double factor;
  private final long stepSize;

  /**
   * By steps.
   *
   * @param base the rate to start from; finite, at least 0
   * @param factor what the rate is multiplied by each time, normally below 1; finite, at least 0
   * @param stepSize steps for which a rate stays; at least 1
   * @throws IllegalArgumentException if one is out of range
   */
  public PiecewiseDecay(double base, double factor, long stepSize) {
    this(base, factor, stepSize, true);
  }

  /**
   * @param base the rate to start from; finite, at least 0
   * @param factor what the rate is multiplied by each time, normally below 1; finite, at least 0
   * @param stepSize steps or rounds for which a rate stays; at least 1
   * @param stepLevel whether to count steps; rounds otherwise
   * @throws IllegalArgumentException if one is out of range
   */
  public PiecewiseDecay(double base, double factor, long stepSize, boolean stepLevel) {
    super(NAME, base, stepLevel);
    this.factor = Require.notNegative(NAME, "rate", factor);
    this.stepSize = Require.count(NAME, "step_size", stepSize, 1);
  }

  static PiecewiseDecay from(ConfigReader config) {
    return new PiecewiseDecay(
        config.number("base"),
        config.number("rate"),
        config.integer("step_size"),
        stepLevel(config));
  }

  @Override
  double rateAt(long index) {
    long times = index / stepSize;
    return base * Math.pow(factor, (double) times);
  }

  @Override
  public Map<String, Object> getConfig() {
    Map<String, Object> config = super.getConfig();
    config.put("rate", factor);
    config.put("step_level", stepLevel);
    config.put("step_size", stepSize);
    return config;
  }
}
