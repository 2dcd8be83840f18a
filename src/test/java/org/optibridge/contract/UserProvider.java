package org.optibridge.contract;

import java.util.Map;
import java.util.function.Function;
import org.optibridge.optimizer.CountingScheduler;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.optimizer.OptiModuleProvider;
import org.optibridge.optimizer.Regularizer;
import org.optibridge.optimizer.Scheduler;

/** What a user's jar would announce; found through the service file of the tests. */
public final class UserProvider implements OptiModuleProvider {
  static final String MODULE = "user-found-module";
  static final String REGULARIZER = "user-found-regularizer";
  static final String SCHEDULER = "user-found-scheduler";

  @Override
  public Map<String, Function<Map<String, Object>, OptiModule>> modules() {
    return Map.of(MODULE, config -> SignMomentum.of(MODULE, config));
  }

  @Override
  public Map<String, Function<Map<String, Object>, Regularizer>> regularizers() {
    return Map.of(REGULARIZER, config -> PullToMean.of(REGULARIZER, config));
  }

  @Override
  public Map<String, Function<Map<String, Object>, Scheduler>> schedulers() {
    return Map.of(SCHEDULER, config -> new Halving(SCHEDULER));
  }

  /** 1, 1/2, 1/4, … */
  static final class Halving extends CountingScheduler {
    Halving(String name) {
      super(name);
    }

    @Override
    protected double rate(long steps, long rounds) {
      return Math.pow(0.5, (double) steps);
    }

    @Override
    public Map<String, Object> getConfig() {
      return Map.of();
    }
  }
}
