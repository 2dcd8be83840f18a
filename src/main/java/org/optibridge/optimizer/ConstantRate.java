package org.optibridge.optimizer;

import java.util.Map;

/** A rate that stays; it counts steps and rounds like any other. */
final class ConstantRate extends CountingScheduler {
  private final double rate;

  ConstantRate(double rate) {
    super("constant");
    this.rate = rate;
  }

  @Override
  protected double rate(long steps, long rounds) {
    return rate;
  }

  @Override
  public Map<String, Object> getConfig() {
    return Map.of("base", rate);
  }
}
