package org.optibridge.vector;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.LongBinaryOperator;
import org.jspecify.annotations.Nullable;
import org.optibridge.memory.CoreLibrary;
import org.optibridge.memory.NativeBlock;
import org.optibridge.memory.NativeHandle;
import org.optibridge.memory.NativeStatus;

/**
 * Gradients of a model of which some are {@link SparseRows}, such as those of embeddings, and the
 * others dense. Names say what belongs where, so the order does not matter.
 *
 * <p><b>Ownership.</b> It owns its parts and closes them with itself.
 *
 * <p><b>Thread-safety.</b> One call at a time.
 */
public final class SparseGradients implements AutoCloseable {
  private static final int ENTRY = 24; // sizeof(ob_rows)

  private final Map<String, SparseRows> rows = new LinkedHashMap<>();
  private final @Nullable Vector dense;
  // What native code reads, for parameters in this order.
  private @Nullable Table table;

  /** An array of {@code ob_rows}. */
  private static final class Table extends NativeHandle {
    final VectorSpec params;
    final long address;

    Table(VectorSpec params, long address) {
      super("SparseGradients", (long) ENTRY * params.size(), () -> NativeBlock.free(address));
      this.params = params;
      this.address = address;
    }
  }

  private SparseGradients(List<SparseRows> sparse, @Nullable Vector dense) {
    this.dense = dense;
    if (dense != null && !dense.isStored()) {
      throw new IllegalArgumentException("The dense gradients are an expression; store them first");
    }
    for (SparseRows one : sparse) {
      String name = one.spec().name();
      if (rows.put(name, one) != null || (dense != null && dense.spec().names().contains(name))) {
        throw new IllegalArgumentException("Two gradients are named '" + name + "'");
      }
    }
  }

  /**
   * @param sparse a gradient for each tensor; at least one
   * @return the gradients, which own their parts from now on
   * @throws IllegalArgumentException if there is none or a name occurs twice
   */
  public static SparseGradients of(SparseRows... sparse) {
    if (sparse.length == 0) {
      throw new IllegalArgumentException("There must be at least one gradient");
    }
    return new SparseGradients(List.of(sparse), null);
  }

  /**
   * @param dense the gradients of some tensors, stored on the host
   * @param sparse those of the others
   * @return the gradients, which own their parts from now on
   * @throws IllegalArgumentException if a name occurs twice
   */
  public static SparseGradients of(Vector dense, SparseRows... sparse) {
    return new SparseGradients(List.of(sparse), dense);
  }

  /** Returns the sparse ones by name. */
  public Map<String, SparseRows> rows() {
    return Map.copyOf(rows);
  }

  /** Returns the dense ones; null if there is none. */
  public @Nullable Vector dense() {
    return dense;
  }

  /** Returns all tensors as they are when dense: first those given by rows, then the others. */
  public VectorSpec spec() {
    List<TensorSpec> all = new ArrayList<>();
    rows.values().forEach(one -> all.add(one.spec()));
    if (dense != null) {
      all.addAll(dense.spec().tensors());
    }
    return new VectorSpec(all);
  }

  private TensorSpec spec(String name) {
    SparseRows sparse = rows.get(name);
    if (sparse != null) {
      return sparse.spec();
    }
    if (dense == null || !dense.spec().names().contains(name)) {
      throw new IllegalArgumentException("'" + name + "' has no gradient");
    }
    return dense.spec().get(name);
  }

  /**
   * Checks that these are gradients of just the given parameters.
   *
   * @param params names, shapes, dtypes
   * @throws IllegalArgumentException naming the first difference
   */
  public void requireFor(VectorSpec params) {
    for (TensorSpec param : params.tensors()) {
      TensorSpec mine = spec(param.name());
      if (!mine.equals(param)) {
        throw new IllegalArgumentException(
            "The gradient is of " + mine + " where the parameter is " + param);
      }
    }
    int given = rows.size() + (dense == null ? 0 : dense.spec().size());
    if (given != params.size()) {
      throw new IllegalArgumentException(
          "There are gradients of " + spec().names() + ", the parameters are " + params.names());
    }
  }

  /**
   * Dense gradients in the order of the parameters: a copy as large as they are.
   *
   * @param params what these are the gradients of
   * @return a stored vector, to be closed by the caller
   * @throws IllegalArgumentException if they are not
   */
  public Vector toDense(VectorSpec params) {
    requireFor(params);
    Vector result = Vector.allocate(params);
    try {
      addTo(result, 1);
      return result;
    } catch (RuntimeException | Error e) {
      result.close();
      throw e;
    }
  }

  /** Returns dense gradients in the order of {@link #spec()}; see {@link #toDense(VectorSpec)}. */
  public Vector toDense() {
    return toDense(spec());
  }

  /** A dense copy of one of them, which stays open. */
  static Vector toDense(SparseRows one) {
    SparseGradients alone = new SparseGradients(List.of(one), null);
    try {
      return alone.toDense();
    } finally {
      alone.closeTable();
    }
  }

  /**
   * Adds multiples of the gradients to a vector: what plain gradient descent does, with a negative
   * factor. Costs as much as the rows that are given, and the dense tensors.
   *
   * @param target of the tensors that these are gradients of, written in place
   * @param factor what they are multiplied by
   * @throws IllegalArgumentException if the tensors differ or a row is out of range
   */
  public void addTo(Vector target, double factor) {
    eachTable(target, (tensor, source) -> CoreLibrary.ob_add_rows(tensor, source, factor));
    Vector more = dense;
    if (more != null) {
      onDense(target, more, part -> part.assign(part.plus(more.times(factor))));
    }
  }

  /** Calls a native function for each tensor given by rows: its entry, that of the rows. */
  private void eachTable(Vector target, LongBinaryOperator function) {
    VectorSpec spec = target.spec();
    long entries = beginRead(spec);
    try {
      rows.values().forEach(SparseRows::requireInRange);
      target.beginWrite();
      try {
        for (int i = 0; i < spec.size(); i++) {
          if (rows.containsKey(spec.tensors().get(i).name())) {
            NativeStatus.check(
                function.applyAsLong(
                    target.nativeTable() + (long) i * Storage.ENTRY, entries + (long) i * ENTRY));
          }
        }
      } finally {
        target.endUse();
      }
    } finally {
      endUse();
    }
  }

  /**
   * Makes zero what {@link #addTo} would add to. Costs as much as that.
   *
   * @param target of the tensors that these are gradients of, written in place
   * @throws IllegalArgumentException if the tensors differ or a row is out of range
   */
  public void clearIn(Vector target) {
    eachTable(target, CoreLibrary::ob_clear_rows);
    if (dense != null) {
      onDense(target, dense, part -> part.fill(0));
    }
  }

  /** Changes the tensors of a vector that have dense gradients. */
  private static void onDense(Vector target, Vector dense, Consumer<Vector> change) {
    VectorBuilder builder = Vector.builder();
    for (TensorSpec tensor : dense.spec().tensors()) {
      builder.wrapAddress(
          tensor.name(),
          tensor.dtype(),
          tensor.device(),
          target.address(tensor.name()),
          target,
          tensor.shape());
    }
    // An own recording would keep what is added from memory until it is committed.
    try (Vector part = builder.build()) {
      change.accept(part);
      Recording.flush();
    }
  }

  /**
   * Locks all parts for a native call that reads them; see {@link #endUse()}.
   *
   * @param params the parameters, whose order the table has
   * @return the address of an array of {@code ob_rows}, one for each parameter, valid until {@code
   *     endUse} or {@code close}
   * @throws IllegalArgumentException if these are not their gradients
   */
  public long beginRead(VectorSpec params) {
    requireFor(params);
    List<Runnable> undo = new ArrayList<>();
    try {
      for (SparseRows one : rows.values()) {
        one.beginRead();
        undo.add(one::endUse);
      }
      if (dense != null) {
        dense.beginRead();
        undo.add(dense::endUse);
      }
      return tableFor(params);
    } catch (RuntimeException | Error e) {
      undo.forEach(Runnable::run);
      throw e;
    }
  }

  /** Leaves the call entered by {@link #beginRead(VectorSpec)}. */
  public void endUse() {
    rows.values().forEach(SparseRows::endUse);
    if (dense != null) {
      dense.endUse();
    }
  }

  private long tableFor(VectorSpec params) {
    Table made = table;
    if (made != null && made.params.equals(params)) {
      return made.address;
    }
    closeTable();
    long bytes = (long) ENTRY * params.size();
    long address = NativeBlock.allocate(bytes);
    table = new Table(params, address);
    ByteBuffer buffer = NativeBlock.view(address, bytes);
    for (TensorSpec param : params.tensors()) {
      SparseRows sparse = rows.get(param.name());
      if (sparse != null) {
        buffer
            .putLong(sparse.rowsAddress())
            .putLong(sparse.valuesAddress())
            .putLong(sparse.count());
      } else if (dense != null) {
        buffer.putLong(0).putLong(dense.address(param.name())).putLong(0);
      }
    }
    return address;
  }

  private void closeTable() {
    if (table != null) {
      table.close();
      table = null;
    }
  }

  /** Closes all parts; calling it again is fine. */
  @Override
  public void close() {
    closeTable();
    rows.values().forEach(SparseRows::close);
    if (dense != null) {
      dense.close();
    }
  }

  @Override
  public String toString() {
    return "SparseGradients " + rows.values() + (dense == null ? "" : " and " + dense);
  }
}
