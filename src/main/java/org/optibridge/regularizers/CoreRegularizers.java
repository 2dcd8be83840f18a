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
    regularizers.put(FedProx.NAME, ConfigReader.factory(FedProx.NAME, FedProx::from));
    regularizers.put(Lasso.NAME, ConfigReader.factory(Lasso.NAME, Lasso::from));
    regularizers.put(Ridge.NAME, ConfigReader.factory(Ridge.NAME, Ridge::from));
    return regularizers;
  }
}
