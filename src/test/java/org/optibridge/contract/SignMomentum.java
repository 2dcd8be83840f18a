package org.optibridge.contract;

import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.FormulaModule;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.optimizer.Require;
import org.optibridge.vector.Vector;

/** A module that a user wrote: {@code m = beta × m + (1 - beta) × g}; the output is its sign. */
final class SignMomentum extends FormulaModule {
  private final double beta;
  private final StateVector momentum = vector("momentum");

  SignMomentum(String name, double beta) {
    super(name);
    this.beta = Require.share(name, "beta", beta);
  }

  static OptiModule of(String name, Map<String, Object> config) {
    return ConfigReader.read(
        name, config, reader -> new SignMomentum(name, reader.number("beta", 0.9)));
  }

  @Override
  protected Vector compute(Vector gradients, @Nullable Vector params) {
    Vector m = momentum.get();
    m.assign(m.times(beta).plus(gradients.times(1 - beta)));
    return m.sign();
  }

  @Override
  public Map<String, Object> getConfig() {
    return Map.of("beta", beta);
  }
}
