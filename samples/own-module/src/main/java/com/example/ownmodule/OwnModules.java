package com.example.ownmodule;

import java.util.Map;
import java.util.function.Function;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.optimizer.OptiModuleProvider;

/** Announces the modules of this jar; named in META-INF/services. */
public final class OwnModules implements OptiModuleProvider {
  @Override
  public Map<String, Function<Map<String, Object>, OptiModule>> modules() {
    return Map.of(SignMomentum.NAME, SignMomentum::fromConfig);
  }
}
