package org.optibridge.schedulers;

import java.util.Map;
import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.Require;

/**
 * Goes up and down between two rates that both shrink at every step: {@code decay^t × (base +
 * (max_lr - base) × h)}, with {@code h = 1 - |u / stepsize - 1|} and {@code u = t mod 2 stepsize};
 * t counts steps from 0; rounds play no part.
 *
 * <p>Source: the policy {@code exp_range} of Smith, <i>Cyclical Learning Rates for Training Neural
 * Networks</i>, 2017. There only the distance between the rates shrinks; here, as in declearn, both
 * rates do.
 */
public final class CyclicExpRange extends IndexedScheduler {
  /** The registered name. */
  public static final String NAME = "cyclic-exp-range";

  private final double maxRate;
  private final long halfCycle;
  private final double decay;

  /**
   * @param base the rate to start from; finite, at least 0
   * @param maxRate the rate half a cycle later if nothing shrank, normally above base; finite, at
   *     least 0
   * @param halfCycle steps from one extreme to the other; at least 1
   * @param decay what both rates are multiplied by at each step, normally below 1; finite, at least
   *     0
   * @throws IllegalArgumentException if one is out of range
   */
  public CyclicExpRange(double base, double maxRate, long halfCycle, double decay) {
    super(NAME, base, true);
    this.maxRate = Require.notNegative(NAME, "max_lr", maxRate);
    this.halfCycle = Require.count(NAME, "stepsize", halfCycle, 1);
    this.decay = Require.notNegative(NAME, "decay", decay);
  }

  static CyclicExpRange from(ConfigReader config) {
    return new CyclicExpRange(
        config.number("base"),
        config.number("max_lr"),
        config.integer("stepsize"),
        config.number("decay"));
  }

  @Override
  double rateAt(long index) {
    double shrunk = Math.pow(decay, (double) index);
    double low = base * shrunk;
    return low + CyclicTriangular.height(index, halfCycle) * (maxRate * shrunk - low);
  }

  @Override
  public Map<String, Object> getConfig() {
    Map<String, Object> config = super.getConfig();
    config.put("max_lr", maxRate);
    config.put("stepsize", halfCycle);
    config.put("decay", decay);
    return config;
  }
}
