package org.optibridge.schedulers;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;
import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.OptiModuleProvider;
import org.optibridge.optimizer.Scheduler;

/** Announces the schedulers of this package. */
public final class CoreSchedulers implements OptiModuleProvider {
  @Override
  public Map<String, Function<Map<String, Object>, Scheduler>> schedulers() {
    Map<String, Function<Map<String, Object>, Scheduler>> schedulers = new LinkedHashMap<>();
    add(schedulers, CosineAnnealing.NAME, CosineAnnealing::from);
    add(schedulers, CosineAnnealingWarmRestarts.NAME, CosineAnnealingWarmRestarts::from);
    add(schedulers, CyclicTriangular.NAME, CyclicTriangular::from);
    add(schedulers, CyclicExpRange.NAME, CyclicExpRange::from);
    add(schedulers, ExponentialDecay.NAME, ExponentialDecay::from);
    add(schedulers, InverseScaling.NAME, InverseScaling::from);
    add(schedulers, LinearDecay.NAME, LinearDecay::from);
    add(schedulers, PolynomialDecay.NAME, PolynomialDecay::from);
    add(schedulers, PiecewiseDecay.NAME, PiecewiseDecay::from);
    add(schedulers, Warmup.NAME, Warmup::from);
    add(schedulers, WarmupRounds.NAME, WarmupRounds::from);
    return schedulers;
  }

  private static void add(
      Map<String, Function<Map<String, Object>, Scheduler>> schedulers,
      String name,
      Function<ConfigReader, Scheduler> factory) {
    schedulers.put(name, config -> ConfigReader.read(name, config, factory));
  }
}
