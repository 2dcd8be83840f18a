package org.optibridge.modules;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;
import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.optimizer.OptiModuleProvider;

/** Announces the modules of this package. */
public final class CoreModules implements OptiModuleProvider {
  @Override
  public Map<String, Function<Map<String, Object>, OptiModule>> modules() {
    Map<String, Function<Map<String, Object>, OptiModule>> modules = new LinkedHashMap<>();
    add(modules, Momentum.NAME, Momentum::from);
    add(modules, L2GlobalClipping.NAME, L2GlobalClipping::from);
    return modules;
  }

  private static void add(
      Map<String, Function<Map<String, Object>, OptiModule>> modules,
      String name,
      Function<ConfigReader, OptiModule> factory) {
    modules.put(name, config -> ConfigReader.read(name, config, factory));
  }
}
