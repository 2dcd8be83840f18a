package org.optibridge.vector;

/**
 * One number computed from all tensors of a vector, not evaluated until it is needed: a norm that
 * scales a vector costs no round trip through Java. Immutable; computed in float64.
 */
public final class Scalar {
  final VectorSpec spec;
  final Node node;

  Scalar(VectorSpec spec, Node node) {
    this.spec = spec;
    this.node = node;
  }

  private Scalar with(Op op, double right) {
    return new Scalar(spec, Node.of(op, node, Node.constant(right)));
  }

  /**
   * @param value what to add
   * @return the sum
   */
  public Scalar plus(double value) {
    return with(Op.ADD, value);
  }

  /**
   * @param value the factor
   * @return the product
   */
  public Scalar times(double value) {
    return with(Op.MULTIPLY, value);
  }

  /**
   * @param value the divisor
   * @return the quotient
   */
  public Scalar dividedBy(double value) {
    return with(Op.DIVIDE, value);
  }

  /** Returns 1 / this. */
  public Scalar reciprocal() {
    return new Scalar(spec, Node.of(Op.RECIPROCAL, node));
  }

  /** Returns the square root. */
  public Scalar sqrt() {
    return new Scalar(spec, Node.of(Op.SQRT, node));
  }

  /**
   * @param value an upper bound
   * @return the smaller of both; NaN if either is NaN
   */
  public Scalar minimum(double value) {
    return with(Op.MINIMUM, value);
  }

  /**
   * @param value a lower bound
   * @return the larger of both; NaN if either is NaN
   */
  public Scalar maximum(double value) {
    return with(Op.MAXIMUM, value);
  }

  /**
   * Computes it now.
   *
   * @return its value
   */
  public double value() {
    return Sweep.scalar(spec, node);
  }
}
