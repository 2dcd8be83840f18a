package org.optibridge.regularizers;

import java.util.Map;
import java.util.function.Function;
import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.OptiModuleProvider;
import org.optibridge.optimizer.Regularizer;

/** Announces the regularizers of this package. */
public final class CoreRegularizers implements OptiModuleProvider {
  @Override
  public Map<String, Function<Map<String, Object>, Regularizer>> regularizers() {
    return Map.of(FedProx.NAME, config -> ConfigReader.read(FedProx.NAME, config, FedProx::from));
  }
}
