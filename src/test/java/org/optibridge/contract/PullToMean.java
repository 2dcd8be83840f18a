package org.optibridge.contract;

import java.util.Map;
import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.FormulaRegularizer;
import org.optibridge.optimizer.Regularizer;
import org.optibridge.optimizer.TensorFilter;
import org.optibridge.vector.Vector;

/** A regularizer that a user wrote: pulls weights to the running mean of what they were. */
final class PullToMean extends FormulaRegularizer {
  private final StateVector mean = vector("mean");

  private PullToMean(String name, double alpha, TensorFilter filter) {
    super(name, alpha, filter);
  }

  static Regularizer of(String name, Map<String, Object> config) {
    return ConfigReader.read(
        name,
        config,
        reader -> new PullToMean(name, reader.number("alpha", 0.01), TensorFilter.from(reader)));
  }

  @Override
  protected Vector term(Vector params) {
    Vector m = mean.get();
    m.assign(m.times(0.9).plus(params.times(0.1)));
    return params.minus(m);
  }
}
