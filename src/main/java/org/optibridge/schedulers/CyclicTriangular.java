package org.optibridge.schedulers;

import java.util.Map;
import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.Require;

/**
 * Goes up and down between two rates: {@code base + (max_lr - base) × h}, with {@code h = 1 - |u /
 * stepsize - 1|} and {@code u = t mod 2 stepsize}; with {@code decay}, h is halved after each cycle
 * of {@code 2 stepsize} steps. t counts steps from 0; rounds play no part.
 *
 * <p>Source: Smith, <i>Cyclical Learning Rates for Training Neural Networks</i>, 2017: its policies
 * {@code triangular} and, with {@code decay}, {@code triangular2}.
 */
public final class CyclicTriangular extends IndexedScheduler {
  /** The registered name. */
  public static final String NAME = "cyclic-triangular";

  private final double maxRate;
  private final long halfCycle;
  private final boolean decay;

  /**
   * @param base the rate to start from and come back to; finite, at least 0
   * @param maxRate the rate half a cycle later, normally above base; finite, at least 0
   * @param halfCycle steps from one extreme to the other; at least 1
   * @param decay whether each cycle goes half as far as the one before
   * @throws IllegalArgumentException if one is out of range
   */
  public CyclicTriangular(double base, double maxRate, long halfCycle, boolean decay) {
    super(NAME, base, true);
    this.maxRate = Require.notNegative(NAME, "max_lr", maxRate);
    this.halfCycle = Require.count(NAME, "stepsize", halfCycle, 1);
    this.decay = decay;
  }

  static CyclicTriangular from(ConfigReader config) {
    return new CyclicTriangular(
        config.number("base"),
        config.number("max_lr"),
        config.integer("stepsize"),
        config.flag("decay", false));
  }

  @Override
  double rateAt(long index) {
    double height = height(index, halfCycle);
    if (decay) {
      long cycles = index / (2 * halfCycle);
      height /= Math.pow(2, (double) cycles);
    }
    return base + height * (maxRate - base);
  }

  /** 0 at the start of a cycle, 1 in its middle, linear between. */
  static double height(long step, long halfCycle) {
    double halves = (double) (step % (2 * halfCycle)) / halfCycle;
    return 1 - Math.abs(halves - 1);
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
