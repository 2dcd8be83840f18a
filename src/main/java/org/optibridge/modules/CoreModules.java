package org.optibridge.modules;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;
import org.optibridge.optimizer.AuxVar;
import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.optimizer.OptiModuleProvider;
import org.optibridge.optimizer.State;

/** Announces the modules of this package. */
public final class CoreModules implements OptiModuleProvider {
  @Override
  public Map<String, Function<Map<String, Object>, OptiModule>> modules() {
    Map<String, Function<Map<String, Object>, OptiModule>> modules = new LinkedHashMap<>();
    modules.put(Momentum.NAME, ConfigReader.factory(Momentum.NAME, Momentum::from));
    modules.put(Ewma.NAME, ConfigReader.factory(Ewma.NAME, Ewma::from));
    modules.put(YogiMomentum.NAME, ConfigReader.factory(YogiMomentum.NAME, YogiMomentum::from));
    modules.put(AdaGrad.NAME, ConfigReader.factory(AdaGrad.NAME, AdaGrad::from));
    modules.put(RmsProp.NAME, ConfigReader.factory(RmsProp.NAME, RmsProp::from));
    modules.put(Adam.NAME, ConfigReader.factory(Adam.NAME, Adam::from));
    modules.put(Yogi.NAME, ConfigReader.factory(Yogi.NAME, Yogi::from));
    modules.put(L2Clipping.NAME, ConfigReader.factory(L2Clipping.NAME, L2Clipping::from));
    modules.put(
        L2GlobalClipping.NAME, ConfigReader.factory(L2GlobalClipping.NAME, L2GlobalClipping::from));
    modules.put(GaussianNoise.NAME, ConfigReader.factory(GaussianNoise.NAME, GaussianNoise::from));
    modules.put(LaplaceNoise.NAME, ConfigReader.factory(LaplaceNoise.NAME, LaplaceNoise::from));
    modules.put(ClipByValue.NAME, ConfigReader.factory(ClipByValue.NAME, ClipByValue::from));
    modules.put(
        NonFiniteGuard.NAME, ConfigReader.factory(NonFiniteGuard.NAME, NonFiniteGuard::from));
    modules.put(
        GradientAccumulation.NAME,
        ConfigReader.factory(GradientAccumulation.NAME, GradientAccumulation::from));
    modules.put(WeightsEma.NAME, ConfigReader.factory(WeightsEma.NAME, WeightsEma::from));
    modules.put(
        ScaffoldClient.NAME, ConfigReader.factory(ScaffoldClient.NAME, ScaffoldClient::from));
    modules.put(
        ScaffoldServer.NAME, ConfigReader.factory(ScaffoldServer.NAME, ScaffoldServer::from));
    return modules;
  }

  @Override
  public Map<String, Function<State, AuxVar>> auxVars() {
    return Map.of(ScaffoldAuxVar.NAME, ScaffoldAuxVar::from);
  }
}
