package org.optibridge.regularizers;

import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.Regularizer;
import org.optibridge.vector.Vector;

/**
 * Pulls the weights towards those that the round of federated training began with: {@code g + alpha
 * × (w - w₀)}, where w₀ are the weights of the first step after {@link #startRound()}.
 *
 * <p>Source: Li et al., <i>Federated Optimization in Heterogeneous Networks</i>, 2020. Holds a copy
 * of the weights.
 */
public final class FedProx implements Regularizer {
  /** The registered name. */
  public static final String NAME = "fedprox";

  private final double alpha;
  private @Nullable Vector reference;
  private boolean newRound = true;

  /**
   * @param alpha strength of the pull; finite
   * @throws IllegalArgumentException if it is not
   */
  public FedProx(double alpha) {
    if (!Double.isFinite(alpha)) {
      throw new IllegalArgumentException(NAME + ": 'alpha' must be a finite number, not " + alpha);
    }
    this.alpha = alpha;
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public Vector run(Vector gradients, Vector params) {
    Vector start = reference;
    if (start == null || newRound) {
      if (start == null) {
        start = params.materialize();
        reference = start;
      } else {
        start.assign(params);
      }
      newRound = false;
      return gradients;
    }
    return gradients.plus(params.minus(start).times(alpha));
  }

  @Override
  public void startRound() {
    newRound = true;
  }

  @Override
  public Map<String, Object> getConfig() {
    return Map.of("alpha", alpha);
  }

  @Override
  public void close() {
    if (reference != null) {
      reference.close();
      reference = null;
    }
  }
}
