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
    schedulers.put(
        CosineAnnealing.NAME, ConfigReader.factory(CosineAnnealing.NAME, CosineAnnealing::from));
    schedulers.put(
        CosineAnnealingWarmRestarts.NAME,
        ConfigReader.factory(CosineAnnealingWarmRestarts.NAME, CosineAnnealingWarmRestarts::from));
    schedulers.put(
        CyclicTriangular.NAME, ConfigReader.factory(CyclicTriangular.NAME, CyclicTriangular::from));
    schedulers.put(
        CyclicExpRange.NAME, ConfigReader.factory(CyclicExpRange.NAME, CyclicExpRange::from));
    schedulers.put(
        ExponentialDecay.NAME, ConfigReader.factory(ExponentialDecay.NAME, ExponentialDecay::from));
    schedulers.put(
        InverseScaling.NAME, ConfigReader.factory(InverseScaling.NAME, InverseScaling::from));
    schedulers.put(LinearDecay.NAME, ConfigReader.factory(LinearDecay.NAME, LinearDecay::from));
    schedulers.put(
        PolynomialDecay.NAME, ConfigReader.factory(PolynomialDecay.NAME, PolynomialDecay::from));
    schedulers.put(
        PiecewiseDecay.NAME, ConfigReader.factory(PiecewiseDecay.NAME, PiecewiseDecay::from));
    schedulers.put(Warmup.NAME, ConfigReader.factory(Warmup.NAME, Warmup::from));
    schedulers.put(WarmupRounds.NAME, ConfigReader.factory(WarmupRounds.NAME, WarmupRounds::from));
    return schedulers;
  }
}
