package org.optibridge.vector;

import java.nio.Buffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import org.bytedeco.javacpp.Pointer;
import org.jspecify.annotations.Nullable;
import org.optibridge.memory.CoreLibrary;
import org.optibridge.memory.NativeBlock;
import org.optibridge.memory.NativeHandle;
import org.optibridge.memory.NativeMemory;

/**
 * The gradient of one tensor, given by some of its rows: row numbers and values, as in a sparse
 * tensor of torch with one sparse dimension or in TensorFlow's {@code IndexedSlices}. A row is what
 * lies at one place of the first axis.
 *
 * <p>Row numbers are int64 and may come in any order. One that occurs more than once stands for the
 * sum of its values; whoever uses the gradient adds them up first, so that nothing non-linear is
 * done to a part of a sum.
 *
 * <p><b>Aliasing.</b> {@code wrap…} borrows host memory of the caller, without a copy, and holds
 * its owner strongly; row numbers are checked now and again at each use, before anything is
 * changed. {@code copy} takes new memory.
 *
 * <p><b>Thread-safety.</b> May be read by many calls at once; {@code close()} waits for them.
 */
public final class SparseRows implements AutoCloseable {
  /** The memory of the row numbers. */
  private static final class Indices extends NativeHandle {
    final long address;

    // Never read: borrowed memory lives at least as long as native code knows its address.
    @SuppressWarnings("UnusedVariable")
    private final @Nullable Object keepAlive;

    Indices(String name, long address, long owned, @Nullable Object keepAlive) {
      super(
          "SparseRows '" + name + "'",
          owned,
          owned == 0 ? () -> {} : () -> NativeBlock.free(address));
      this.address = address;
      this.keepAlive = keepAlive;
    }
  }

  private final TensorSpec spec;
  private final long count;
  private final Vector values;
  private final Indices indices;

  private SparseRows(TensorSpec spec, long count, Vector values, Indices indices) {
    this.spec = spec;
    this.count = count;
    this.values = values;
    this.indices = indices;
  }

  /**
   * Copies arrays.
   *
   * @param name the tensor's name
   * @param rows row numbers
   * @param values the elements of these rows, one row after the other
   * @param shape of the whole tensor: at least one extent
   * @return float32 rows, to be closed by the caller
   * @throws IllegalArgumentException naming the tensor, if a row is out of range or the number of
   *     values does not fit
   */
  public static SparseRows copy(String name, long[] rows, float[] values, long... shape) {
    TensorSpec spec = spec(name, DType.FLOAT32, shape);
    long[] part = partShape(spec, rows.length);
    return copied(spec, rows, Vector.builder().copy(name, values, part).build());
  }

  /**
   * Copies arrays; see {@link #copy(String, long[], float[], long...)}.
   *
   * @param name the tensor's name
   * @param rows row numbers
   * @param values the elements of these rows, one row after the other
   * @param shape of the whole tensor: at least one extent
   * @return float64 rows, to be closed by the caller
   */
  public static SparseRows copy(String name, long[] rows, double[] values, long... shape) {
    TensorSpec spec = spec(name, DType.FLOAT64, shape);
    long[] part = partShape(spec, rows.length);
    return copied(spec, rows, Vector.builder().copy(name, values, part).build());
  }

  private static SparseRows copied(TensorSpec spec, long[] rows, Vector values) {
    long bytes = 8L * Math.max(1, rows.length);
    long block = 0;
    try {
      block = NativeBlock.allocate(bytes);
      NativeBlock.view(block, bytes).asLongBuffer().put(rows);
      NativeMemory.countCopy(8L * rows.length);
    } catch (RuntimeException | Error e) {
      NativeBlock.free(block);
      values.close();
      throw e;
    }
    return checked(spec, rows.length, values, new Indices(spec.name(), block, bytes, null));
  }

  /**
   * Borrows direct buffers, each from its position on.
   *
   * @param name the tensor's name
   * @param rows row numbers: direct, in native byte order
   * @param values the elements of these rows: direct, in native byte order
   * @param shape of the whole tensor: at least one extent
   * @return float32 rows, to be closed by the caller
   * @throws IllegalArgumentException naming the tensor, if a buffer is none of these, a row is out
   *     of range or the number of values does not fit
   */
  public static SparseRows wrap(String name, LongBuffer rows, FloatBuffer values, long... shape) {
    TensorSpec spec = spec(name, DType.FLOAT32, shape);
    requireWrappable(name, rows);
    long[] part = partShape(spec, rows.remaining());
    return wrapped(spec, rows, Vector.builder().wrap(name, values, part).build());
  }

  /**
   * Borrows direct buffers; see {@link #wrap(String, LongBuffer, FloatBuffer, long...)}.
   *
   * @param name the tensor's name
   * @param rows row numbers: direct, in native byte order
   * @param values the elements of these rows: direct, in native byte order
   * @param shape of the whole tensor: at least one extent
   * @return float64 rows, to be closed by the caller
   */
  public static SparseRows wrap(String name, LongBuffer rows, DoubleBuffer values, long... shape) {
    TensorSpec spec = spec(name, DType.FLOAT64, shape);
    requireWrappable(name, rows);
    long[] part = partShape(spec, rows.remaining());
    return wrapped(spec, rows, Vector.builder().wrap(name, values, part).build());
  }

  private static SparseRows wrapped(TensorSpec spec, LongBuffer rows, Vector values) {
    long address = new Pointer((Buffer) rows).address() + 8L * rows.position();
    return checked(spec, rows.remaining(), values, new Indices(spec.name(), address, 0, rows));
  }

  /**
   * Borrows memory at two addresses. The caller vouches for it: enough, contiguous, on the host,
   * alive until this is closed.
   *
   * @param name the tensor's name
   * @param dtype of the values
   * @param rows the address of the row numbers, int64
   * @param values the address of the values
   * @param count how many rows
   * @param keepAlive an object that owns the memory; null if the memory never goes away
   * @param shape of the whole tensor: at least one extent
   * @return the rows, to be closed by the caller
   * @throws IllegalArgumentException naming the tensor, if an address is null or misaligned or a
   *     row is out of range
   */
  public static SparseRows wrapAddress(
      String name,
      DType dtype,
      long rows,
      long values,
      long count,
      @Nullable Object keepAlive,
      long... shape) {
    TensorSpec spec = spec(name, dtype, shape);
    if (rows == 0 || rows % 8 != 0) {
      throw new IllegalArgumentException(
          "Tensor '" + name + "': the address of the row numbers is null or no multiple of 8");
    }
    long[] part = partShape(spec, count);
    Vector lent =
        Vector.builder().wrapAddress(name, dtype, Device.CPU, values, keepAlive, part).build();
    return checked(spec, count, lent, new Indices(name, rows, 0, keepAlive));
  }

  private static TensorSpec spec(String name, DType dtype, long... shape) {
    if (shape.length == 0) {
      throw new IllegalArgumentException("Tensor '" + name + "' is a scalar and has no rows");
    }
    return new TensorSpec(name, dtype, Device.CPU, shape);
  }

  private static long[] partShape(TensorSpec spec, long count) {
    long[] part = spec.shape();
    part[0] = count;
    return part;
  }

  private static void requireWrappable(String name, LongBuffer rows) {
    if (!rows.isDirect() || rows.order() != ByteOrder.nativeOrder()) {
      throw new IllegalArgumentException(
          "Tensor '"
              + name
              + "': row numbers can be wrapped in a direct buffer of native byte order only; use"
              + " ByteBuffer.allocateDirect(…).order(ByteOrder.nativeOrder()).asLongBuffer(), or"
              + " copy(…) from an array");
    }
  }

  private static SparseRows checked(TensorSpec spec, long count, Vector values, Indices indices) {
    SparseRows made = new SparseRows(spec, count, values, indices);
    try {
      made.requireInRange();
      return made;
    } catch (RuntimeException | Error e) {
      made.close();
      throw e;
    }
  }

  /** Row numbers in borrowed memory may have changed since the last check. */
  void requireInRange() {
    long extent = spec.shape()[0];
    long bad = CoreLibrary.ob_find_bad_row(indices.address, count, extent);
    if (bad >= 0) {
      long row = NativeBlock.view(indices.address + 8 * bad, 8).getLong();
      throw new IllegalArgumentException(
          "Tensor "
              + spec
              + ": row "
              + row
              + " at position "
              + bad
              + " is out of range; there are the rows 0 to "
              + (extent - 1));
    }
  }

  /** Returns name, dtype and shape of the whole tensor. */
  public TensorSpec spec() {
    return spec;
  }

  /** Returns how many rows are given, those that occur more than once counted each time. */
  public long count() {
    return count;
  }

  /** Returns the values: a vector of one tensor whose first extent is {@link #count()}. */
  public Vector values() {
    return values;
  }

  /** Returns the row numbers, copied. */
  public long[] rows() {
    indices.acquireShared();
    try {
      long[] rows = new long[Math.toIntExact(count)];
      NativeBlock.view(indices.address, 8L * count).asLongBuffer().get(rows);
      return rows;
    } finally {
      indices.release();
    }
  }

  /** Returns the address of the row numbers, valid until {@code close()}. */
  public long rowsAddress() {
    return indices.address;
  }

  /** Returns the address of the values, valid until {@code close()}. */
  public long valuesAddress() {
    return values.address(spec.name());
  }

  /**
   * The whole tensor, zero where no row is given; a copy as large as the tensor.
   *
   * @return a stored vector of this one tensor, to be closed by the caller
   */
  public Vector toDense() {
    return SparseGradients.toDense(this);
  }

  /** Enters a native call that reads this; see {@link #endUse()}. */
  public void beginRead() {
    indices.acquireShared();
    try {
      values.beginRead();
    } catch (RuntimeException | Error e) {
      indices.release();
      throw e;
    }
  }

  /** Leaves the call entered by {@link #beginRead()}. */
  public void endUse() {
    values.endUse();
    indices.release();
  }

  /** Releases the memory; calling it again is fine. */
  @Override
  public void close() {
    indices.close();
    values.close();
  }

  @Override
  public String toString() {
    return "SparseRows " + count + " of " + spec;
  }
}
