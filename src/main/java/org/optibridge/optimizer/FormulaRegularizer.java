package org.optibridge.optimizer;

import java.util.LinkedHashMap;
import java.util.Map;
import org.optibridge.vector.Vector;

/**
 * A regularizer given by the gradient of its term, in {@link Vector} arithmetic. It can leave
 * tensors out, such as biases and the parameters of norms.
 */
public abstract class FormulaRegularizer extends FormulaStage implements Regularizer {
  private final double alpha;
  private final TensorFilter filter;

  /**
   * @param name the registered name
   * @param alpha strength of the term; finite
   * @param filter which tensors it acts on
   * @throws IllegalArgumentException if alpha is not finite
   */
  protected FormulaRegularizer(String name, double alpha, TensorFilter filter) {
    super(name);
    this.alpha = Require.finite(name, "alpha", alpha);
    this.filter = filter;
  }

  /**
   * @param params the weights
   * @return what the term adds to the gradients for a strength of 1; null for nothing
   */
  protected abstract @org.jspecify.annotations.Nullable Vector term(Vector params);

  @Override
  public final Vector run(Vector gradients, Vector params) {
    gradients.spec().requireSame(params.spec(), "the gradients", "the parameters");
    enter(params.spec());
    Vector term = term(params);
    return term == null ? gradients : gradients.plus(filter.scale(term, alpha));
  }

  @Override
  public Map<String, Object> getConfig() {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("alpha", alpha);
    filter.addTo(config);
    return config;
  }
}
