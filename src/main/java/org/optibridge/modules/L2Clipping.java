package org.optibridge.modules;

import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.FormulaModule;
import org.optibridge.optimizer.Require;
import org.optibridge.vector.Vector;

/**
 * Scales each tensor's gradients by a factor of its own so that its Euclidean norm is at most a
 * bound: {@code g × min(1, max_norm / ‖g‖)}. Squares are summed in float64, so that no finite
 * float32 gradient overflows the norm. A norm of 0 leaves the tensor alone.
 *
 * <p>One bound for all tensors together is {@link L2GlobalClipping}, which keeps the gradients'
 * direction.
 *
 * <p>Source: Pascanu, Mikolov and Bengio, <i>On the difficulty of training recurrent neural
 * networks</i>, 2013.
 */
public final class L2Clipping extends FormulaModule {
  /** The registered name. */
  public static final String NAME = "l2-clipping";

  private final double maxNorm;

  /**
   * @param maxNorm the bound; positive and finite
   * @throws IllegalArgumentException if it is not
   */
  public L2Clipping(double maxNorm) {
    super(NAME);
    this.maxNorm = Require.positive(NAME, "max_norm", maxNorm);
  }

  static L2Clipping from(ConfigReader config) {
    return new L2Clipping(config.number("max_norm", 1.0));
  }

  @Override
  protected Vector compute(Vector gradients, @Nullable Vector params) {
    // 1 / 0 is infinite, so that a tensor of zeros gets the factor 1.
    return gradients.times(gradients.sumOfSquares().sqrt().reciprocal().times(maxNorm).minimum(1));
  }

  @Override
  public Map<String, Object> getConfig() {
    return Map.of("max_norm", maxNorm);
  }
}
