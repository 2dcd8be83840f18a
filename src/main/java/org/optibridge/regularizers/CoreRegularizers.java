package org.optibridge.regularizers;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;
import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.OptiModuleProvider;
import org.optibridge.optimizer.Regularizer;

/** Announces the regularizers of this package. */
public final class CoreRegularizers implements OptiModuleProvider {
  @Override
  public Map<String, Function<Map<String, Object>, Regularizer>> regularizers() {
    Map<String, Function<Map<String, Object>, Regularizer>> regularizers = new LinkedHashMap<>();
    add(regularizers, FedProx.NAME, FedProx::from);
    add(regularizers, Lasso.NAME, Lasso::from);
    add(regularizers, Ridge.NAME, Ridge::from);
    return regularizers;
  }

  private static void add(
      Map<String, Function<Map<String, Object>, Regularizer>> regularizers,
      String name,
      Function<ConfigReader, Regularizer> factory) {
    regularizers.put(name, config -> ConfigReader.read(name, config, factory));
  }
}
