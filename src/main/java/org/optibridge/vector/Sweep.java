package org.optibridge.vector;

import static java.util.Objects.requireNonNull;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
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
  private final IdentityHashMap<Vector, Integer> loads = new IdentityHashMap<>();
  private final IdentityHashMap<Vector, Node> targets = new IdentityHashMap<>();
  // In the order of the program.
  private final Map<Node, Integer> kernels = new LinkedHashMap<>();
  private int[] code = new int[32 * WORDS];
  private double[] constant = new double[32];
  private double[] values = new double[0];
  private long[] extras = new long[0];
  private int nodes;
  // What is computed in. Vectors of other types are converted as they are loaded and stored.
  private final VectorSpec domain;
  private boolean anyConverted;
  private boolean anyAsIs;

  private Sweep(VectorSpec domain) {
    this.domain = domain;
  }

  /**
   * Stores values in vectors, as one program for all targets that are computed in the same types.
   *
   * @param targets distinct vectors
   * @param values one for each target; they read what memory holds before any of the stores
   * @param remember whether the values may be needed again, then to be read from the targets
   */
  static void storeAll(List<Vector> targets, List<Node> values, boolean remember) {
    List<Vector> waiting = targets;
    List<Node> nodes = values;
    while (!waiting.isEmpty()) {
      VectorSpec domain = waiting.get(0).spec().computed();
      List<Vector> others = new ArrayList<>();
      List<Node> otherNodes = new ArrayList<>();
      Sweep sweep = new Sweep(domain);
      for (int i = 0; i < waiting.size(); i++) {
        Vector target = waiting.get(i);
        if (target.spec().computed().equals(domain)) {
          sweep.addStore(nodes.get(i), target);
        } else {
          others.add(target);
          otherNodes.add(nodes.get(i));
        }
      }
      sweep.keepResults(remember);
      sweep.run(new double[1]);
      if (remember) {
        sweep.remember();
      }
      waiting = others;
      nodes = otherNodes;
    }
  }

  static double scalar(VectorSpec domain, Node value) {
    return evaluate(domain, value, 1)[0];
  }

  static double[] scalars(VectorSpec domain, Node value) {
    return evaluate(domain, value, domain.size());
  }

  private static double[] evaluate(VectorSpec domain, Node value, int count) {
    Sweep sweep = new Sweep(domain);
    double[] result = new double[count];
    sweep.emit(Op.RESULT, sweep.add(value), 0, 0, 0);
    sweep.keepResults(true);
    sweep.run(result);
    sweep.remember();
    return result;
  }

  private void remember() {
    targets.forEach(
        (target, value) -> {
          // What was rounded to be stored is not the value any more.
          if (form(target) == 0) {
            value.storedIn(target, target.storage().version());
          }
        });
  }

  /**
   * Stores what kernels make in their own memory, where it may be needed after the stage that makes
   * it: a kernel's step can't be computed again.
   */
  private void keepResults(boolean always) {
    if (kernels.isEmpty()) {
      return;
    }
    int[] stage = new int[nodes];
    int last = 0;
    for (int i = 0; i < nodes; i++) {
      stage[i] = stageOf(i, stage);
      last = Math.max(last, stage[i]);
    }
    for (Map.Entry<Node, Integer> kernel : kernels.entrySet()) {
      if (always || stage[kernel.getValue()] < last) {
        Vector memory = ((BlockKernel) requireNonNull(kernel.getKey().extra)).result();
        emit(Op.STORE, kernel.getValue(), vector(memory), form(memory), 0);
        targets.put(memory, kernel.getKey());
      }
    }
  }

  private int stageOf(int index, int[] stage) {
    int op = code[index * WORDS];
    int a = code[index * WORDS + 1];
    int b = code[index * WORDS + 2];
    if (op < Op.NEGATE.code) {
      return 0;
    }
    if (op >= Op.SUM_EACH.code && op <= Op.NONFINITE_ALL.code) {
      return stage[a] + 1;
    }
    boolean two = (op >= Op.ADD.code && op <= Op.ROUND.code) || op == Op.CALL.code;
    return Math.max(stage[a], two && b >= 0 ? stage[b] : 0);
  }

  private void addStore(Node value, Vector target) {
    if (value.current().vector == target) {
      return; // it is there already
    }
    emit(Op.STORE, add(value), vector(target), form(target), 0);
    targets.put(target, value);
  }

  /** How the engine loads or stores a vector: 0 as it is, else converted (see ob_op). */
  private int form(Vector vector) {
    if (vector.spec().equals(domain)) {
      anyAsIs = true;
      return 0;
    }
    anyConverted = true;
    return domain.tensors().get(0).dtype() == DType.FLOAT64 ? 2 : 1;
  }

  /** The engine takes the types to compute in from a vector that is not converted, if any. */
  private void requireKnownTypes() {
    if (!anyConverted || anyAsIs) {
      return;
    }
    DType first = domain.tensors().get(0).dtype();
    if (domain.tensors().stream().anyMatch(one -> one.dtype() != first)) {
      throw new UnsupportedOperationException(
          "A formula that reads converted vectors only can't be computed in float32 for some"
              + " tensors and in float64 for others; call materialize() on a converted vector");
    }
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
      // One node for all loads of a vector, lest the engine take them for different ones.
      Integer loaded = loads.get(node.vector);
      if (loaded != null) {
        return loaded;
      }
      left = vector(node.vector);
      right = form(node.vector);
      loads.put(node.vector, nodes);
    } else {
      left = node.left == null ? 0 : add(node.left);
      right = node.right == null ? (node.op == Op.CALL ? -1 : 0) : add(node.right);
      if (node.extra instanceof double[] each) {
        left = values.length;
        values = Arrays.copyOf(values, left + each.length);
        System.arraycopy(each, 0, values, left, each.length);
      } else if (node.extra instanceof long[] words) {
        third = addExtras(words);
      } else if (node.extra instanceof BlockKernel kernel) {
        third = addExtras(kernel.function(), kernel.context());
      }
    }
    int index = emit(node.op, left, right, third, node.constant);
    indices.put(node, index);
    if (node.op == Op.CALL) {
      kernels.put(node, index);
    }
    return index;
  }

  private int addExtras(long... words) {
    int at = extras.length;
    extras = Arrays.copyOf(extras, at + words.length);
    System.arraycopy(words, 0, extras, at, words.length);
    return at;
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

  private void run(double[] results) {
    if (nodes == 0) {
      return;
    }
    requireKnownTypes();
    Vector[] used = new Vector[vectors.size()];
    vectors.forEach((vector, index) -> used[index] = vector);
    long[] tables = new long[used.length];
    int acquired = 0;
    int begun = 0;
    List<BlockKernel> calls = new ArrayList<>();
    kernels.keySet().forEach(node -> calls.add((BlockKernel) requireNonNull(node.extra)));
    try {
      for (Vector vector : used) {
        if (targets.containsKey(vector)) {
          vector.storage().enterWrite();
        } else {
          vector.storage().enterRead();
        }
        tables[acquired++] = vector.storage().table;
      }
      for (BlockKernel kernel : calls) {
        kernel.begin();
        begun++;
      }
      NativeStatus.check(
          CoreLibrary.ob_sweep(
              code,
              constant,
              nodes,
              tables,
              tables.length,
              domain.size(),
              values,
              extras,
              results));
      targets.keySet().forEach(target -> target.storage().markWritten());
    } finally {
      for (int i = 0; i < begun; i++) {
        calls.get(i).end();
      }
      for (int i = 0; i < acquired; i++) {
        used[i].storage().leave();
      }
    }
  }
}
