package org.optibridge.vector;

import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One node of an expression. A leaf remembers the version of the vector it reads: a later write to
 * that vector makes the expression stale, which evaluation reports instead of computing something
 * else than what was written.
 */
final class Node {
  final Op op;
  final @Nullable Node left;
  final @Nullable Node right;
  // What a LOAD reads, and the version it had when the expression was formed.
  final @Nullable Vector vector;
  final long version;
  final double constant;
  // What the engine needs to know beyond operands: one value per tensor, a generator, a kernel.
  final @Nullable Object extra;
  // Where this value was stored, if it was: to be read from there instead of computed again.
  private @Nullable Node home;

  private Node(
      Op op,
      @Nullable Node left,
      @Nullable Node right,
      @Nullable Vector vector,
      long version,
      double constant,
      @Nullable Object extra) {
    this.op = op;
    this.left = left;
    this.right = right;
    this.vector = vector;
    this.version = version;
    this.constant = constant;
    this.extra = extra;
  }

  static Node load(Vector vector, long version) {
    return new Node(Op.LOAD, null, null, vector, version, 0, null);
  }

  static Node constant(double value) {
    return new Node(Op.CONSTANT, null, null, null, 0, value, null);
  }

  static Node of(Op op, Node operand) {
    return new Node(op, operand, null, null, 0, 0, null);
  }

  static Node of(Op op, Node left, Node right) {
    return new Node(op, left, right, null, 0, 0, null);
  }

  static Node of(Op op, @Nullable Node left, @Nullable Node right, Object extra) {
    return new Node(op, left, right, null, 0, 0, extra);
  }

  void storedIn(Vector target, long version) {
    if (op != Op.LOAD) {
      home = load(target, version);
    }
  }

  /** This node, or a load of the memory where its value still is. */
  Node current() {
    Node stored = home;
    return stored != null && stored.isReadable() ? stored : this;
  }

  private boolean isReadable() {
    return isCurrent() && vector != null && !vector.storage().isClosed();
  }

  /** Whether evaluating this node reads a vector. */
  boolean reads(Vector wanted, Set<Node> seen) {
    Node node = current();
    return seen.add(node)
        && (node.vector == wanted
            || (node.left != null && node.left.reads(wanted, seen))
            || (node.right != null && node.right.reads(wanted, seen)));
  }

  boolean isCurrent() {
    return vector == null || vector.storage().version() == version;
  }
}
