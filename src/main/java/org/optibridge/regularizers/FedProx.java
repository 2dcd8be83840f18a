package org.optibridge.regularizers;

import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.FormulaRegularizer;
import org.optibridge.optimizer.TensorFilter;
import org.optibridge.vector.Vector;

/**
 * Pulls the weights towards those that the round of federated training began with: {@code g + alpha
 * × (w - w₀)}, where w₀ are the weights of the first step after {@link #startRound()}, of which a
 * copy is kept.
 *
 * <p>Source: Li et al., <i>Federated Optimization in Heterogeneous Networks</i>, 2020.
 */
public final class FedProx extends FormulaRegularizer {
  /** The registered name. */
  public static final String NAME = "fedprox";

  private final StateVector reference = vector("reference");
  private final StateNumber newRound = number("new_round", 1);

  /**
   * @param alpha strength of the pull; finite
   * @throws IllegalArgumentException if it is not
   */
  public FedProx(double alpha) {
    this(alpha, TensorFilter.all());
  }

  /**
   * @param alpha strength of the pull; finite
   * @param filter which tensors are pulled
   * @throws IllegalArgumentException if alpha is not finite
   */
  public FedProx(double alpha, TensorFilter filter) {
    super(NAME, alpha, filter);
  }

  static FedProx from(ConfigReader config) {
    return new FedProx(config.number("alpha", 0.01), TensorFilter.from(config));
  }

  @Override
  protected @Nullable Vector term(Vector params) {
    if (newRound.get() != 0) {
      reference.get().assign(params);
      newRound.set(0);
      return null;
    }
    return params.minus(reference.get());
  }

  @Override
  public void startRound() {
    newRound.set(1);
  }
}
