package org.optibridge.schedulers;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.CountingScheduler;
import org.optibridge.optimizer.Registry;
import org.optibridge.optimizer.Require;
import org.optibridge.optimizer.Scheduler;

/** A linear rise to a rate that then stays, or that another scheduler takes over. */
abstract class WarmupScheduler extends CountingScheduler {
  final long warmup;
  private final double base;
  private final @Nullable CountingScheduler wrapped;

  WarmupScheduler(String name, double base, long warmup) {
    super(name);
    this.base = Require.notNegative(name, "base", base);
    this.warmup = Require.count(name, "warmup", warmup, 0);
    this.wrapped = null;
  }

  WarmupScheduler(String name, CountingScheduler wrapped, long warmup) {
    super(name);
    if (wrapped instanceof WarmupScheduler) {
      throw new IllegalArgumentException(
          name
              + ": 'base' must not be a warm-up itself, but is '"
              + wrapped.name()
              + "'; make this one longer instead");
    }
    if (!(wrapped.getConfig().get("base") instanceof Number number)) {
      throw new IllegalArgumentException(
          name
              + ": the config of '"
              + wrapped.name()
              + "' must have a number as 'base', the rate to warm up to");
    }
    this.base = Require.notNegative(name, "base", number.doubleValue());
    this.warmup = Require.count(name, "warmup", warmup, 0);
    this.wrapped = wrapped;
  }

  interface OfRate<T> {
    T make(double base, long warmup);
  }

  interface OfScheduler<T> {
    T make(CountingScheduler base, long warmup);
  }

  static <T> T from(
      String name, ConfigReader config, OfRate<T> ofRate, OfScheduler<T> ofScheduler) {
    long warmup = config.integer("warmup");
    Object base = config.value("base", null);
    if (base instanceof Number number) {
      return ofRate.make(number.doubleValue(), warmup);
    }
    return ofScheduler.make(scheduler(name, base), warmup);
  }

  @SuppressWarnings("unchecked") // JSON objects have text keys
  private static CountingScheduler scheduler(String name, @Nullable Object base) {
    if (base instanceof List<?> pair
        && pair.size() == 2
        && pair.get(0) instanceof String inner
        && pair.get(1) instanceof Map<?, ?> config) {
      Scheduler made = Registry.scheduler(inner, (Map<String, Object>) config);
      if (made instanceof CountingScheduler counting) {
        return counting;
      }
      throw new IllegalArgumentException(
          name + ": 'base' must be a scheduler of class CountingScheduler, not '" + inner + "'");
    }
    throw new IllegalArgumentException(
        name + ": 'base' must be a number or [scheduler, config], not " + base);
  }

  /** The rate after so many steps or rounds of the warm-up. */
  final double rising(long done) {
    return base * (done + 1) / warmup;
  }

  /** The rate when the warm-up is over. */
  final double after(long steps, long rounds) {
    return wrapped == null ? base : rateOf(wrapped, steps, rounds);
  }

  @Override
  public final Map<String, Object> getConfig() {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("base", wrapped == null ? base : List.of(wrapped.name(), wrapped.getConfig()));
    config.put("warmup", warmup);
    return config;
  }
}
