package org.optibridge.modules;

import java.util.Map;
import java.util.function.Function;
import org.optibridge.optimizer.Configs;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.optimizer.OptiModuleProvider;

/** Announces the modules of this package. */
public final class CoreModules implements OptiModuleProvider {
  @Override
  public Map<String, Function<Map<String, Object>, OptiModule>> modules() {
    return Map.of(
        L2GlobalClipping.NAME,
        config ->
            new L2GlobalClipping(Configs.onlyNumber(L2GlobalClipping.NAME, config, "max_norm")));
  }
}
