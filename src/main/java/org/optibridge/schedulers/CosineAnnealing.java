package org.optibridge.schedulers;

import java.util.Map;
import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.Require;

/**
 * Falls along half a cosine from {@code max_lr} to {@code base}: {@code base + (max_lr - base) × (1
 * + cos(π t / duration)) / 2} while {@code t < duration}, then {@code base}; t counts steps or
 * rounds from 0.
 *
 * <p>Source: Loshchilov and Hutter, <i>SGDR: Stochastic Gradient Descent with Warm Restarts</i>,
 * 2017.
 */
public final class CosineAnnealing extends IndexedScheduler {
  /** The registered name. */
  public static final String NAME = "cosine-annealing";

  private final double maxRate;
  private final long duration;

  /**
   * By steps.
   *
   * @param base the rate to end with; finite, at least 0
   * @param maxRate the rate to start from, normally above base; finite, at least 0
   * @param duration steps from max_lr to base; at least 1
   * @throws IllegalArgumentException if one is out of range
   */
  public CosineAnnealing(double base, double maxRate, long duration) {
    this(base, maxRate, duration, true);
  }

  /**
   * @param base the rate to end with; finite, at least 0
   * @param maxRate the rate to start from, normally above base; finite, at least 0
   * @param duration steps or rounds from max_lr to base; at least 1
   * @param stepLevel whether to count steps; rounds otherwise
   * @throws IllegalArgumentException if one is out of range
   */
  public CosineAnnealing(double base, double maxRate, long duration, boolean stepLevel) {
    super(NAME, base, stepLevel);
    this.maxRate = Require.notNegative(NAME, "max_lr", maxRate);
    this.duration = Require.count(NAME, "duration", duration, 1);
  }

  static CosineAnnealing from(ConfigReader config) {
    return new CosineAnnealing(
        config.number("base"),
        config.number("max_lr"),
        config.integer("duration"),
        stepLevel(config));
  }

  @Override
  double rateAt(long index) {
    return index < duration ? anneal(base, maxRate, (double) index / duration) : base;
  }

  /** The rate when a share of the way from {@code high} to {@code low} is done. */
  static double anneal(double low, double high, double share) {
    return low + 0.5 * (high - low) * (1 + Math.cos(share * Math.PI));
  }

  @Override
  public Map<String, Object> getConfig() {
    Map<String, Object> config = super.getConfig();
    config.put("max_lr", maxRate);
    config.put("duration", duration);
    config.put("step_level", stepLevel);
    return config;
  }
}
