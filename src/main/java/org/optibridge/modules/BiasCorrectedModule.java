package org.optibridge.modules;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.Require;
import org.optibridge.optimizer.State;
import org.optibridge.vector.Vector;

/**
 * What {@link Adam} and {@link Yogi} share: a first and a second moment that start from zero, are
 * corrected for that, and divide one another. They differ in how the second moment moves.
 */
abstract class BiasCorrectedModule extends RoundResetModule {
  /** Makes a module from its hyper-parameters. */
  interface Factory<T> {
    T make(double beta1, double beta2, boolean amsgrad, double eps, boolean roundReset);
  }

  private final double beta1;
  private final double beta2;
  private final double eps;
  private final StateNumber steps = number("steps");
  // The largest corrected second moment so far; null without amsgrad.
  private final @Nullable StateVector vmax;
  private final StateVector momentum;
  private final StateVector velocity;

  BiasCorrectedModule(
      String name, double beta1, double beta2, boolean amsgrad, double eps, boolean roundReset) {
    super(name, roundReset);
    this.beta1 = Require.share(name, "beta_1", beta1);
    this.beta2 = Require.share(name, "beta_2", beta2);
    this.eps = Require.notNegative(name, "eps", eps);
    this.vmax = amsgrad ? vector("vmax") : null;
    this.momentum = vector("momentum.state");
    this.velocity = vector("velocity.state");
  }

  static <T> T from(ConfigReader config, Factory<T> factory) {
    return factory.make(
        config.number("beta_1", 0.9),
        config.number("beta_2", 0.99),
        config.flag("amsgrad", false),
        config.number("eps", 1e-7),
        roundReset(config));
  }

  /** The second moment's next value, from its former one. */
  abstract Vector next(Vector velocity, Vector squares, double beta2);

  @Override
  protected final Vector compute(Vector gradients, @Nullable Vector params) {
    double t = steps.increment();
    double scale1 = 1 / (1 - Math.pow(beta1, t));
    double scale2 = 1 / (1 - Math.pow(beta2, t));
    Vector m = momentum.get();
    Vector v = velocity.get();
    m.assign(m.times(beta1).plus(gradients.times(1 - beta1)));
    v.assign(next(v, gradients.square(), beta2));
    Vector corrected = v.times(scale2);
    if (vmax != null) {
      Vector largest = vmax.get();
      largest.assign(corrected.maximum(largest));
      corrected = largest;
    }
    return m.times(scale1).dividedBy(corrected.sqrt().plus(eps));
  }

  @Override
  public final void setState(State state) {
    SavedCount.require(name(), state, "steps", "momentum");
    super.setState(state);
  }

  @Override
  public final Map<String, Object> getConfig() {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("beta_1", beta1);
    config.put("beta_2", beta2);
    config.put("amsgrad", vmax != null);
    config.put("eps", eps);
    return withRoundReset(config);
  }
}
