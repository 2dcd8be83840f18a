package org.optibridge.torch;

import java.util.Map;
import java.util.function.Function;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.optimizer.OptiModuleProvider;

/** Announces {@code "torch-optim"}; libtorch is loaded when the first module is made. */
public final class TorchModuleProvider implements OptiModuleProvider {
  @Override
  public Map<String, Function<Map<String, Object>, OptiModule>> modules() {
    return Map.of(TorchOptiModule.NAME, TorchImports::module);
  }
}
