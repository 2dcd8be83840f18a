package com.example.ownmodule;

import java.util.Map;
import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.FormulaModule;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.optimizer.Require;
import org.optibridge.vector.Vector;

/** The sign of an average of the gradients: {@code m = beta × m + (1 - beta) × g}; sign(m). */
public final class SignMomentum extends FormulaModule {
  /** The registered name. */
  public static final String NAME = "sign-momentum";

  private final double beta;
  // Saved, restored and undone by the base class; zero at first.
  private final StateVector momentum = vector("momentum");

  public SignMomentum(double beta) {
    super(NAME);
    this.beta = Require.share(NAME, "beta", beta);
  }

  /** For configs and command lines that name this class. */
  public SignMomentum(Map<String, Object> config) {
    super(NAME);
    double share = ConfigReader.read(NAME, config, entry -> entry.number("beta", 0.9));
    this.beta = Require.share(NAME, "beta", share);
  }

  public static OptiModule fromConfig(Map<String, Object> config) {
    return new SignMomentum(config);
  }

  @Override
  protected Vector compute(Vector gradients, Vector params) {
    Vector m = momentum.get();
    m.assign(m.times(beta).plus(gradients.times(1 - beta)));
    return m.sign();
  }

  @Override
  public Map<String, Object> getConfig() {
    return Map.of("beta", beta);
  }
}
