package org.optibridge.modules;

import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.FormulaModule;
import org.optibridge.optimizer.Require;
import org.optibridge.vector.Vector;

/**
 * Scales all gradients by one factor so that their joint Euclidean norm is at most a bound: {@code
 * g × min(1, max_norm / ‖g‖)}. Squares are summed in float64, so that no finite float32 gradient
 * overflows the norm. A norm of 0 leaves the gradients alone.
 */
public final class L2GlobalClipping extends FormulaModule {
  /** The registered name. */
  public static final String NAME = "l2-global-clipping";

  private final double maxNorm;

  /**
   * @param maxNorm the bound; positive and finite
   * @throws IllegalArgumentException if it is not
   */
  public L2GlobalClipping(double maxNorm) {
    super(NAME);
    this.maxNorm = Require.positive(NAME, "max_norm", maxNorm);
  }

  static L2GlobalClipping from(ConfigReader config) {
    return new L2GlobalClipping(config.number("max_norm", 1.0));
  }

  @Override
  protected Vector compute(Vector gradients, @Nullable Vector params) {
    return gradients.times(gradients.norm().reciprocal().times(maxNorm).minimum(1));
  }

  @Override
  public Map<String, Object> getConfig() {
    return Map.of("max_norm", maxNorm);
  }
}
