package org.optibridge.schedulers;

import java.util.LinkedHashMap;
import java.util.Map;
import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.CountingScheduler;
import org.optibridge.optimizer.Require;

/** A scheduler that follows one count: of steps or of rounds. */
abstract class IndexedScheduler extends CountingScheduler {
  final double base;
  final boolean stepLevel;

  IndexedScheduler(String name, double base, boolean stepLevel) {
    super(name);
    this.base = Require.notNegative(name, "base", base);
    this.stepLevel = stepLevel;
  }

  static boolean stepLevel(ConfigReader config) {
    return config.flag("step_level", true);
  }

  /** The rate of the step to come, after {@code index} steps, or in round {@code index}. */
  abstract double rateAt(long index);

  @Override
  protected final double rate(long steps, long rounds) {
    return rateAt(stepLevel ? steps : rounds);
  }

  /** A map to which subclasses add. */
  @Override
  public Map<String, Object> getConfig() {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("base", base);
    return config;
  }
}
