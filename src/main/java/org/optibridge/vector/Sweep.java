package org.optibridge.vector;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import org.optibridge.memory.CoreLibrary;
import org.optibridge.memory.NativeStatus;

/**
 * Turns expressions into a program of the native engine and runs it. What it allocates depends on
 * the number of operations written, never on the number of elements or tensors.
 */
final class Sweep {
  private static final int WORDS = 4; // of a node: opcode and three operands

  private final IdentityHashMap<Node, Integer> indices = new IdentityHashMap<>();
  private final IdentityHashMap<Vector, Integer> vectors = new IdentityHashMap<>();
  private final IdentityHashMap<Vector, Node> targets = new IdentityHashMap<>();
  private int[] code = new int[32 * WORDS];
  private double[] constant = new double[32];
  private double[] values = new double[0];
  private long[] extras = new long[0];
  private int nodes;

  private Sweep() {}

  /**
   * Stores values in vectors, as one program for all targets of one spec.
   *
   * @param targets distinct vectors
   * @param values one for each target; they read what memory holds before any of the stores
   * @param remember whether the values, if needed again, are to be read from the targets
   */
  static void storeAll(List<Vector> targets, List<Node> values, boolean remember) {
    List<Vector> waiting = targets;
    List<Node> nodes = values;
    while (!waiting.isEmpty()) {
      VectorSpec spec = waiting.get(0).spec();
      List<Vector> others = new ArrayList<>();
      List<Node> otherNodes = new ArrayList<>();
      Sweep sweep = new Sweep();
      for (int i = 0; i < waiting.size(); i++) {
        Vector target = waiting.get(i);
        if (target.spec().equals(spec)) {
          sweep.addStore(nodes.get(i), target);
        } else {
          others.add(target);
          otherNodes.add(nodes.get(i));
        }
      }
      sweep.run(spec, new double[1]);
      if (remember) {
        sweep.targets.forEach(
            (target, value) -> value.storedIn(target, target.storage().version()));
      }
      waiting = others;
      nodes = otherNodes;
    }
  }

  static double scalar(VectorSpec spec, Node value) {
    return evaluate(spec, value, 1)[0];
  }

  static double[] scalars(VectorSpec spec, Node value) {
    return evaluate(spec, value, spec.size());
  }

  private static double[] evaluate(VectorSpec spec, Node value, int count) {
    Sweep sweep = new Sweep();
    double[] result = new double[count];
    sweep.emit(Op.RESULT, sweep.add(value), 0, 0, 0);
    sweep.run(spec, result);
    return result;
  }

  private void addStore(Node value, Vector target) {
    if (value.current().vector == target) {
      return; // it is there already
    }
    emit(Op.STORE, add(value), vector(target), 0, 0);
    targets.put(target, value);
  }

  private int add(Node wanted) {
    Node node = wanted.current();
    Integer known = indices.get(node);
    if (known != null) {
      return known;
    }
    int left = 0;
    int right = 0;
    int third = 0;
    if (node.vector != null) {
      requireCurrent(node, node.vector);
      left = vector(node.vector);
    } else {
      left = node.left == null ? 0 : add(node.left);
      right = node.right == null ? 0 : add(node.right);
      if (node.extra instanceof double[] each) {
        left = values.length;
        values = Arrays.copyOf(values, left + each.length);
        System.arraycopy(each, 0, values, left, each.length);
      } else if (node.extra instanceof long[] words) {
        third = extras.length;
        extras = Arrays.copyOf(extras, third + words.length);
        System.arraycopy(words, 0, extras, third, words.length);
      }
    }
    int index = emit(node.op, left, right, third, node.constant);
    indices.put(node, index);
    return index;
  }

  private static void requireCurrent(Node node, Vector vector) {
    if (!node.isCurrent()) {
      throw new IllegalStateException(
          vector.storage()
              + " was written to after an expression that reads it was formed; call materialize()"
              + " on the expression before the write, or form it afterwards");
    }
  }

  private int vector(Vector vector) {
    return vectors.computeIfAbsent(vector, key -> vectors.size());
  }

  private int emit(Op kind, int left, int right, int third, double value) {
    if (nodes == constant.length) {
      code = Arrays.copyOf(code, 2 * code.length);
      constant = Arrays.copyOf(constant, 2 * nodes);
    }
    int at = nodes * WORDS;
    code[at] = kind.code;
    code[at + 1] = left;
    code[at + 2] = right;
    code[at + 3] = third;
    constant[nodes] = value;
    return nodes++;
  }

  private void run(VectorSpec spec, double[] results) {
    if (nodes == 0) {
      return;
    }
    Vector[] used = new Vector[vectors.size()];
    vectors.forEach((vector, index) -> used[index] = vector);
    long[] tables = new long[used.length];
    int acquired = 0;
    try {
      for (Vector vector : used) {
        if (targets.containsKey(vector)) {
          vector.storage().acquireExclusive();
        } else {
          vector.storage().acquireShared();
        }
        tables[acquired++] = vector.storage().table;
      }
      NativeStatus.check(
          CoreLibrary.ob_sweep(
              code, constant, nodes, tables, tables.length, spec.size(), values, extras, results));
      targets.keySet().forEach(target -> target.storage().markWritten());
    } finally {
      for (int i = 0; i < acquired; i++) {
        used[i].storage().release();
      }
    }
  }
}
