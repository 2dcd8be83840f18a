package org.optibridge.vector;

import java.util.Arrays;
import java.util.IdentityHashMap;
import org.jspecify.annotations.Nullable;
import org.optibridge.memory.CoreLibrary;
import org.optibridge.memory.NativeStatus;

/**
 * Turns an expression into a program of the native engine and runs it. What it allocates depends on
 * the number of operations written, never on the number of elements or tensors.
 */
final class Sweep {
  private final IdentityHashMap<Node, Integer> indices = new IdentityHashMap<>();
  private final IdentityHashMap<Vector, Integer> vectors = new IdentityHashMap<>();
  private int[] op = new int[16];
  private int[] a = new int[16];
  private int[] b = new int[16];
  private double[] constant = new double[16];
  private int nodes;

  private Sweep() {}

  static void store(VectorSpec spec, Node value, Vector target) {
    Sweep sweep = new Sweep();
    int index = sweep.add(value);
    sweep.emit(Op.STORE, index, sweep.vector(target), 0);
    sweep.run(spec, target, null);
  }

  static double scalar(VectorSpec spec, Node value) {
    Sweep sweep = new Sweep();
    double[] result = new double[1];
    sweep.emit(Op.RESULT, sweep.add(value), 0, 0);
    sweep.run(spec, null, result);
    return result[0];
  }

  static double[] scalars(VectorSpec spec, Node value) {
    Sweep sweep = new Sweep();
    double[] result = new double[spec.size()];
    sweep.emit(Op.RESULT, sweep.add(value), 0, 0);
    sweep.run(spec, null, result);
    return result;
  }

  private int add(Node node) {
    Integer known = indices.get(node);
    if (known != null) {
      return known;
    }
    int left = 0;
    int right = 0;
    if (node.vector() != null) {
      requireCurrent(node, node.vector());
      left = vector(node.vector());
    } else {
      left = node.left() == null ? 0 : add(node.left());
      right = node.right() == null ? 0 : add(node.right());
    }
    int index = emit(node.op(), left, right, node.constant());
    indices.put(node, index);
    return index;
  }

  private static void requireCurrent(Node node, Vector vector) {
    if (vector.storage().version() != node.version()) {
      throw new IllegalStateException(
          vector.storage()
              + " was written to after an expression that reads it was formed; call materialize()"
              + " on the expression before the write, or form it afterwards");
    }
  }

  private int vector(Vector vector) {
    return vectors.computeIfAbsent(vector, key -> vectors.size());
  }

  private int emit(Op kind, int left, int right, double value) {
    if (nodes == op.length) {
      op = Arrays.copyOf(op, 2 * nodes);
      a = Arrays.copyOf(a, 2 * nodes);
      b = Arrays.copyOf(b, 2 * nodes);
      constant = Arrays.copyOf(constant, 2 * nodes);
    }
    op[nodes] = kind.code;
    a[nodes] = left;
    b[nodes] = right;
    constant[nodes] = value;
    return nodes++;
  }

  private void run(VectorSpec spec, @Nullable Vector target, double @Nullable [] results) {
    Vector[] used = new Vector[vectors.size()];
    vectors.forEach((vector, index) -> used[index] = vector);
    long[] tables = new long[used.length];
    int acquired = 0;
    try {
      for (Vector vector : used) {
        if (vector == target) {
          vector.storage().acquireExclusive();
        } else {
          vector.storage().acquireShared();
        }
        tables[acquired++] = vector.storage().table;
      }
      NativeStatus.check(
          CoreLibrary.ob_sweep(
              op,
              a,
              b,
              constant,
              nodes,
              tables,
              tables.length,
              spec.size(),
              results == null ? new double[1] : results));
      if (target != null) {
        target.storage().markWritten();
      }
    } finally {
      for (int i = 0; i < acquired; i++) {
        used[i].storage().release();
      }
    }
  }
}
