package org.optibridge.optimizer;

import org.jspecify.annotations.Nullable;
import org.optibridge.vector.Vector;

/**
 * A module given by its hyper-parameters and a formula in {@link Vector} arithmetic, which the
 * pipeline runs in one sweep over memory together with all its other stages.
 *
 * <pre>{@code
 * final class SignMomentum extends FormulaModule {
 *   private final double beta;
 *   private final StateVector momentum = vector("momentum");
 *
 *   SignMomentum(double beta) {
 *     super("sign-momentum");
 *     this.beta = beta;
 *   }
 *
 *   @Override
 *   protected Vector compute(Vector gradients, @Nullable Vector params) {
 *     Vector m = momentum.get();
 *     m.assign(m.times(beta).plus(gradients.times(1 - beta)));
 *     return m.sign();
 *   }
 *
 *   @Override
 *   public Map<String, Object> getConfig() {
 *     return Map.of("beta", beta);
 *   }
 * }
 * }</pre>
 */
public abstract class FormulaModule extends FormulaStage implements OptiModule {
  /**
   * @param name the registered name
   */
  protected FormulaModule(String name) {
    super(name);
  }

  /**
   * The formula. State is read through {@code vector.get()} and changed by {@link Vector#assign}.
   *
   * @param gradients what the stage before put out, with the names and shapes of the state
   * @param params the weights; null where there are none at hand
   * @return the transformed gradients; null to end the step here
   */
  protected abstract @Nullable Vector compute(Vector gradients, @Nullable Vector params);

  @Override
  public final @Nullable Vector run(Vector gradients, @Nullable Vector params) {
    enter(gradients.spec());
    return compute(gradients, params);
  }
}
