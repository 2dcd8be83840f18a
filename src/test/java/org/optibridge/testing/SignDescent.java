package org.optibridge.testing;

import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.FormulaModule;
import org.optibridge.vector.Vector;

/** A user's optimizer, not registered under any name: {@code scale × sign(gradient)}. */
public final class SignDescent extends FormulaModule {
  /** How many were made. */
  public static int made;

  private final double scale;

  public SignDescent(Map<String, Object> config) {
    super("sign-descent");
    scale = ConfigReader.read("sign-descent", config, reader -> reader.number("scale", 1.0));
    made++;
  }

  @Override
  protected Vector compute(Vector gradients, @Nullable Vector params) {
    return gradients.sign().times(scale);
  }

  @Override
  public Map<String, Object> getConfig() {
    return Map.of("scale", scale);
  }
}
