package org.optibridge.vector;

import org.jspecify.annotations.Nullable;

/**
 * One node of an expression. A leaf remembers the version of the vector it reads: a later write to
 * that vector makes the expression stale, which evaluation reports instead of computing something
 * else than what was written.
 *
 * @param op what it computes
 * @param left first operand
 * @param right second operand
 * @param vector the vector a LOAD reads
 * @param version the vector's version when the expression was written
 * @param constant the value of a CONSTANT
 */
record Node(
    Op op,
    @Nullable Node left,
    @Nullable Node right,
    @Nullable Vector vector,
    long version,
    double constant) {

  static Node load(Vector vector, long version) {
    return new Node(Op.LOAD, null, null, vector, version, 0);
  }

  static Node constant(double value) {
    return new Node(Op.CONSTANT, null, null, null, 0, value);
  }

  static Node of(Op op, Node operand) {
    return new Node(op, operand, null, null, 0, 0);
  }

  static Node of(Op op, Node left, Node right) {
    return new Node(op, left, right, null, 0, 0);
  }
}
