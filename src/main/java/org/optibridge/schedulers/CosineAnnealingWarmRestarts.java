package org.optibridge.schedulers;

import java.util.Map;
import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.Require;

/**
 * Cosine annealing that starts anew every {@code period} steps or rounds, from a peak that is
 * scaled by {@code t_mult} each time: {@code base + (peak - base) × (1 + cos(π u / period)) / 2}
 * with {@code peak = max_lr × t_mult^c}, where {@code c = ⌊t / period⌋} and {@code u = t mod
 * period}; t counts steps or rounds from 0.
 *
 * <p>Periods all have the same length: unlike {@code T_mult} of the paper, {@code t_mult} scales
 * the peak. Where it shrinks the peak below {@code base}, the rate rises towards {@code base}
 * instead.
 *
 * <p>By rounds, both cycles and annealing count rounds; declearn 2.9 counts cycles in steps even
 * then.
 *
 * <p>Source: Loshchilov and Hutter, <i>SGDR: Stochastic Gradient Descent with Warm Restarts</i>,
 * 2017.
 */
public final class CosineAnnealingWarmRestarts extends IndexedScheduler {
  /** The registered name. */
  public static final String NAME = "cosine-annealing-warm-restarts";

  private final double maxRate;
  private final long period;
  private final double peakFactor;

  /**
   * By steps.
   *
   * @param base the rate that each period falls towards; finite, at least 0
   * @param maxRate the rate to start from, normally above base; finite, at least 0
   * @param period steps between restarts; at least 1
   * @param peakFactor what the peak is multiplied by at each restart; finite, at least 0
   * @throws IllegalArgumentException if one is out of range
   */
  public CosineAnnealingWarmRestarts(double base, double maxRate, long period, double peakFactor) {
    this(base, maxRate, period, peakFactor, true);
  }

  /**
   * @param base the rate that each period falls towards; finite, at least 0
   * @param maxRate the rate to start from, normally above base; finite, at least 0
   * @param period steps or rounds between restarts; at least 1
   * @param peakFactor what the peak is multiplied by at each restart; finite, at least 0
   * @param stepLevel whether to count steps; rounds otherwise
   * @throws IllegalArgumentException if one is out of range
   */
  public CosineAnnealingWarmRestarts(
      double base, double maxRate, long period, double peakFactor, boolean stepLevel) {
    super(NAME, base, stepLevel);
    this.maxRate = Require.notNegative(NAME, "max_lr", maxRate);
    this.period = Require.count(NAME, "period", period, 1);
    this.peakFactor = Require.notNegative(NAME, "t_mult", peakFactor);
  }

  static CosineAnnealingWarmRestarts from(ConfigReader config) {
    return new CosineAnnealingWarmRestarts(
        config.number("base"),
        config.number("max_lr"),
        config.integer("period"),
        config.number("t_mult", 1.0),
        stepLevel(config));
  }

  @Override
  double rateAt(long index) {
    long restarts = index / period;
    double peak = maxRate * Math.pow(peakFactor, (double) restarts);
    return CosineAnnealing.anneal(base, peak, (double) (index % period) / period);
  }

  @Override
  public Map<String, Object> getConfig() {
    Map<String, Object> config = super.getConfig();
    config.put("max_lr", maxRate);
    config.put("period", period);
    config.put("t_mult", peakFactor);
    config.put("step_level", stepLevel);
    return config;
  }
}
