package org.optibridge.testing;

import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.FormulaModule;
import org.optibridge.vector.Vector;

/** A stage that throws an {@link ArithmeticException}. */
public final class FailingModule extends FormulaModule {
  public FailingModule() {
    super("failing");
  }

  @Override
  protected Vector compute(Vector gradients, @Nullable Vector params) {
    throw new ArithmeticException("on purpose");
  }

  @Override
  public Map<String, Object> getConfig() {
    return Map.of();
  }
}
