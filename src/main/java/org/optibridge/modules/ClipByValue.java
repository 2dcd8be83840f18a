package org.optibridge.modules;

import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.FormulaModule;
import org.optibridge.optimizer.Require;
import org.optibridge.vector.Vector;

/**
 * Bounds every element of the gradients: {@code max(-max_value, min(max_value, g))}. Infinite
 * elements are bounded too; NaN stays NaN, so that a broken gradient does not pass for a small one
 * ({@link NonFiniteGuard} catches it).
 */
public final class ClipByValue extends FormulaModule {
  /** The registered name. */
  public static final String NAME = "clip-by-value";

  private final double maxValue;

  /**
   * @param maxValue the largest magnitude of an element; positive and finite
   * @throws IllegalArgumentException if it is not
   */
  public ClipByValue(double maxValue) {
    super(NAME);
    this.maxValue = Require.positive(NAME, "max_value", maxValue);
  }

  static ClipByValue from(ConfigReader config) {
    return new ClipByValue(config.number("max_value"));
  }

  @Override
  protected Vector compute(Vector gradients, @Nullable Vector params) {
    return gradients.minimum(maxValue).maximum(-maxValue);
  }

  @Override
  public Map<String, Object> getConfig() {
    return Map.of("max_value", maxValue);
  }
}
