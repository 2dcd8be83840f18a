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
    add(modules, Momentum.NAME, Momentum::from);
    add(modules, Ewma.NAME, Ewma::from);
    add(modules, YogiMomentum.NAME, YogiMomentum::from);
    add(modules, AdaGrad.NAME, AdaGrad::from);
    add(modules, RmsProp.NAME, RmsProp::from);
    add(modules, Adam.NAME, Adam::from);
    add(modules, Yogi.NAME, Yogi::from);
    add(modules, L2Clipping.NAME, L2Clipping::from);
    add(modules, L2GlobalClipping.NAME, L2GlobalClipping::from);
    add(modules, GaussianNoise.NAME, GaussianNoise::from);
    add(modules, LaplaceNoise.NAME, LaplaceNoise::from);
    add(modules, ClipByValue.NAME, ClipByValue::from);
    add(modules, NonFiniteGuard.NAME, NonFiniteGuard::from);
    add(modules, GradientAccumulation.NAME, GradientAccumulation::from);
    add(modules, WeightsEma.NAME, WeightsEma::from);
    add(modules, ScaffoldClient.NAME, ScaffoldClient::from);
    add(modules, ScaffoldServer.NAME, ScaffoldServer::from);
    return modules;
  }

  @Override
  public Map<String, Function<State, AuxVar>> auxVars() {
    return Map.of(ScaffoldAuxVar.NAME, ScaffoldAuxVar::from);
  }

  private static void add(
      Map<String, Function<Map<String, Object>, OptiModule>> modules,
      String name,
      Function<ConfigReader, OptiModule> factory) {
    modules.put(name, config -> ConfigReader.read(name, config, factory));
  }
}
