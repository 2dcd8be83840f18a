package org.optibridge.optimizer;

import java.util.Map;
import java.util.function.Function;

/**
 * Announces what configs can name: list the implementing class in {@code
 * META-INF/services/org.optibridge.optimizer.OptiModuleProvider}. Loading it must not load natives.
 */
public interface OptiModuleProvider {
  /** Returns factories of modules from their configs, by registered name. */
  default Map<String, Function<Map<String, Object>, OptiModule>> modules() {
    return Map.of();
  }

  /** Returns factories of regularizers from their configs, by registered name. */
  default Map<String, Function<Map<String, Object>, Regularizer>> regularizers() {
    return Map.of();
  }

  /** Returns factories of schedulers from their configs, by registered name. */
  default Map<String, Function<Map<String, Object>, Scheduler>> schedulers() {
    return Map.of();
  }

  /** Returns readers of auxiliary variables from their states, by name. */
  default Map<String, Function<State, AuxVar>> auxVars() {
    return Map.of();
  }
}
