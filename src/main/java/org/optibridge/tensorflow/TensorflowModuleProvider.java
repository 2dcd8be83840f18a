package org.optibridge.tensorflow;

import java.util.Map;
import java.util.function.Function;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.optimizer.OptiModuleProvider;

/** Announces {@code "tensorflow-optim"}; TensorFlow is loaded when the first module is made. */
public final class TensorflowModuleProvider implements OptiModuleProvider {
  @Override
  public Map<String, Function<Map<String, Object>, OptiModule>> modules() {
    return Map.of(TensorflowOptiModule.NAME, TensorflowImports::module);
  }
}
