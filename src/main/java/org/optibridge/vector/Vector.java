package org.optibridge.vector;

import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.ShortBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;
import org.optibridge.memory.NativeBlock;
import org.optibridge.memory.NativeMemory;

/**
 * An ordered map from names to tensors in native memory, with arithmetic over all of them at once.
 *
 * <p><b>Two kinds.</b> A <i>stored</i> vector has memory: its own ({@link #allocate}, {@link
 * VectorBuilder#copy}) or the caller's ({@link VectorBuilder#wrap}). An <i>expression</i> is what
 * arithmetic returns; it holds no native memory and needs no {@code close()}. Its value is computed
 * when it is stored ({@link #assign}, {@link #materialize}), read or reduced, in cache-sized blocks
 * and without temporaries of the size of a tensor. The result is what an immediate evaluation would
 * have given: if an operand was written to in between, evaluation throws instead. Writes that
 * bypass this class (through a wrapped buffer or an address) can't be seen; make them before the
 * expression is formed or after it is evaluated.
 *
 * <p><b>Operands</b> must have equal specs: names in the same order, shapes, dtypes, devices. A
 * {@code double} is narrowed to the dtype of the tensor; a {@link Scalar} and the result of {@link
 * #sum()} apply to all elements of each tensor.
 *
 * <p><b>16-bit types.</b> A stored vector may be of {@link DType#FLOAT16} and {@link
 * DType#BFLOAT16}. It can be copied, filled, read and converted; arithmetic on it is refused, since
 * whether to round after each operation or once is not for this class to guess: say {@code
 * h.assign(h.to(FLOAT32).times(0.5).to(BFLOAT16))}, which rounds where it says. The conversions are
 * done in the sweep that reads or writes the memory and need none of their own.
 *
 * <p><b>Aliasing.</b> Wrapped memory is read and written in place, never copied, and held strongly
 * until {@code close()}. Expressions hold their operands strongly.
 *
 * <p><b>Thread-safety.</b> Stored vectors may be read by many calls at once; a write needs to be
 * alone, else {@link org.optibridge.memory.ConcurrentUseException} is thrown. Expressions are
 * immutable.
 */
public final class Vector implements AutoCloseable {
  private enum Rank {
    ELEMENTS,
    ONE_EACH
  }

  // The tensors whose elements the expression runs over.
  private final VectorSpec domain;
  private final VectorSpec spec;
  private final Rank rank;
  private final @Nullable Storage storage;
  private final @Nullable Node node;

  Vector(VectorSpec spec, Storage storage) {
    this.domain = spec.computed();
    this.spec = spec;
    this.rank = Rank.ELEMENTS;
    this.storage = storage;
    this.node = null;
  }

  private Vector(VectorSpec domain, VectorSpec spec, Rank rank, Node node) {
    this.domain = domain;
    this.spec = spec;
    this.rank = rank;
    this.storage = null;
    this.node = node;
  }

  /**
   * A stored vector of zeros. Its tensors lie in one allocation, each aligned to 64 bytes.
   *
   * @param spec names, dtypes, shapes; all on the CPU
   * @return the vector, to be closed by the caller
   * @throws org.optibridge.memory.NativeOutOfMemoryException if there is not enough memory
   */
  public static Vector allocate(VectorSpec spec) {
    return new Vector(spec, Storage.create(spec, new long[spec.size()], List.of()));
  }

  /**
   * A stored vector with one value everywhere, at once, whether a recording is open or not.
   *
   * @param spec names, dtypes, shapes; all on the CPU
   * @param value narrowed to the dtype of each tensor
   * @return the vector, to be closed by the caller
   * @throws org.optibridge.memory.NativeOutOfMemoryException if there is not enough memory
   */
  public static Vector filled(VectorSpec spec, double value) {
    Vector vector = allocate(spec);
    if (value != 0) {
      Sweep.storeAll(List.of(vector), List.of(Node.constant(value)), false);
    }
    return vector;
  }

  /**
   * As {@link #filled(VectorSpec, double)}, with a value for each tensor.
   *
   * @param spec names, dtypes, shapes; all on the CPU
   * @param values one for each tensor, in order
   * @return the vector, to be closed by the caller
   * @throws IllegalArgumentException if there are more or fewer values
   */
  public static Vector filledEach(VectorSpec spec, double... values) {
    if (values.length != spec.size()) {
      throw new IllegalArgumentException(
          "There are " + spec.size() + " tensors but " + values.length + " values");
    }
    Vector vector = allocate(spec);
    Node each = Node.of(Op.CONSTANT_EACH, null, null, values.clone());
    Sweep.storeAll(List.of(vector), List.of(each), false);
    return vector;
  }

  /** Returns a builder of a stored vector, tensor by tensor. */
  public static VectorBuilder builder() {
    return new VectorBuilder();
  }

  /** Returns names, shapes, dtypes and devices. */
  public VectorSpec spec() {
    return spec;
  }

  /**
   * Returns whether this vector has memory of its own or wraps the caller's, rather than being an
   * expression.
   */
  public boolean isStored() {
    return storage != null;
  }

  Storage storage() {
    if (storage == null) {
      throw new IllegalStateException(
          "This vector is an expression without memory; call materialize() to store it");
    }
    return storage;
  }

  private Node node() {
    if (node != null) {
      return node;
    }
    Recording recording = Recording.current();
    Node pending = recording == null ? null : recording.pending(this);
    if (pending != null) {
      return pending;
    }
    requireHost();
    return Node.load(this, storage().version());
  }

  private void requireHost() {
    if (spec.isOnHost()) {
      return;
    }
    for (TensorSpec tensor : spec.tensors()) {
      if (tensor.device().kind() != Device.Kind.CPU) {
        throw new UnsupportedOperationException(
            "Vector arithmetic runs on host memory; tensor " + tensor + " is not there");
      }
    }
  }

  /**
   * Some of this stored vector's tensors, in the same memory: reading, writing and locking the one
   * is reading, writing and locking the other, which must stay open. While a recording is open, an
   * assignment to one is not seen through the other until it is in memory.
   *
   * @param some names, shapes and dtypes of tensors of this vector, in the same order
   * @return a stored vector, to be closed by the caller; that frees no tensor
   * @throws IllegalArgumentException naming a tensor that is not in this vector
   * @throws IllegalStateException if this is an expression
   */
  public Vector select(VectorSpec some) {
    Storage all = storage();
    int[] positions = spec.positions(some, "the vector", "the tensors to select");
    return new Vector(some, Storage.part(all, some, positions));
  }

  // ---- arithmetic ------------------------------------------------------------------------------

  private void requireArithmetic() {
    spec.requireArithmetic(
        "convert it with to(DType.FLOAT32), or step 16-bit weights with MixedPrecision");
  }

  private Vector map(Op op) {
    requireArithmetic();
    return new Vector(domain, spec, rank, Node.of(op, node()));
  }

  private Vector with(Op op, Node right) {
    requireArithmetic();
    return new Vector(domain, spec, rank, Node.of(op, node(), right));
  }

  private Vector with(Op op, Vector other) {
    if (spec.hasHalf() != other.spec.hasHalf()) {
      spec.requireSame(other.spec, "the left operand", "the right operand");
    }
    requireArithmetic();
    other.requireArithmetic();
    domain.requireSame(other.domain, "the left operand", "the right operand");
    Vector shaped = rank == Rank.ELEMENTS ? this : other;
    return new Vector(domain, shaped.spec, shaped.rank, Node.of(op, node(), other.node()));
  }

  private Vector with(Op op, Scalar other) {
    // A number computed from other tensors can't be part of this program.
    return with(op, domain.equals(other.spec) ? other.node : Node.constant(other.value()));
  }

  /** Sum, element by element. */
  public Vector plus(Vector other) {
    return with(Op.ADD, other);
  }

  /** Adds a number to every element. */
  public Vector plus(double value) {
    return with(Op.ADD, Node.constant(value));
  }

  /**
   * Adds noise, independent for every element. Evaluated twice, the expression has the same value.
   *
   * @param noise one draw of it
   * @throws IllegalStateException if each tensor is reduced to one number
   */
  public Vector plus(Noise noise) {
    if (rank == Rank.ONE_EACH) {
      throw new IllegalStateException(
          "Noise is added to elements; call materialize() on the reduced tensors first");
    }
    requireArithmetic();
    Node drawn = Node.of(noise.op, null, null, noise.words);
    return with(Op.ADD, Node.of(Op.MULTIPLY, drawn, Node.constant(noise.scale)));
  }

  /** Difference, element by element. */
  public Vector minus(Vector other) {
    return with(Op.SUBTRACT, other);
  }

  /** Subtracts a number from every element. */
  public Vector minus(double value) {
    return with(Op.SUBTRACT, Node.constant(value));
  }

  /** Product, element by element. */
  public Vector times(Vector other) {
    return with(Op.MULTIPLY, other);
  }

  /** Multiplies every element by a number. */
  public Vector times(double value) {
    return with(Op.MULTIPLY, Node.constant(value));
  }

  /** Multiplies every element by a number that is computed in the same sweeps. */
  public Vector times(Scalar value) {
    return with(Op.MULTIPLY, value);
  }

  /**
   * Multiplies every element by the number of its tensor.
   *
   * @param values one for each tensor, in order
   * @throws IllegalArgumentException if there are more or fewer
   */
  public Vector timesEach(double... values) {
    if (values.length != domain.size()) {
      throw new IllegalArgumentException(
          "There are " + domain.size() + " tensors but " + values.length + " factors");
    }
    return with(Op.MULTIPLY, Node.of(Op.CONSTANT_EACH, null, null, values.clone()));
  }

  /** Quotient, element by element. */
  public Vector dividedBy(Vector other) {
    return with(Op.DIVIDE, other);
  }

  /** Divides every element by a number. */
  public Vector dividedBy(double value) {
    return with(Op.DIVIDE, Node.constant(value));
  }

  /** Divides every element by a number that is computed in the same sweeps. */
  public Vector dividedBy(Scalar value) {
    return with(Op.DIVIDE, value);
  }

  /** The smaller of both, element by element; NaN if either is NaN. */
  public Vector minimum(Vector other) {
    return with(Op.MINIMUM, other);
  }

  /** Bounds every element from above; NaN stays NaN. */
  public Vector minimum(double value) {
    return with(Op.MINIMUM, Node.constant(value));
  }

  /** The larger of both, element by element; NaN if either is NaN. */
  public Vector maximum(Vector other) {
    return with(Op.MAXIMUM, other);
  }

  /** Bounds every element from below; NaN stays NaN. */
  public Vector maximum(double value) {
    return with(Op.MAXIMUM, Node.constant(value));
  }

  /** Raises every element to a power. */
  public Vector power(double exponent) {
    return with(Op.POWER, Node.constant(exponent));
  }

  /** -x for every element. */
  public Vector negate() {
    return map(Op.NEGATE);
  }

  /** |x| for every element. */
  public Vector abs() {
    return map(Op.ABS);
  }

  /** The square root of every element. */
  public Vector sqrt() {
    return map(Op.SQRT);
  }

  /** x² for every element. */
  public Vector square() {
    return map(Op.SQUARE);
  }

  /** -1, 0 or 1 for every element; NaN stays NaN. */
  public Vector sign() {
    return map(Op.SIGN);
  }

  /** 1 / x for every element. */
  public Vector reciprocal() {
    return map(Op.RECIPROCAL);
  }

  // ---- conversions -----------------------------------------------------------------------------

  /**
   * The same elements in another type: {@link #to(VectorSpec)} for all tensors.
   *
   * @param dtype of all tensors
   * @return an expression, or this vector if it is of that type
   */
  public Vector to(DType dtype) {
    return to(spec.with(dtype));
  }

  /**
   * The same elements in other types, tensor by tensor. To a type of less precision they are
   * rounded to nearest, ties to even; what is too large becomes infinite, a NaN stays one. To a
   * type of more they are exact. Nothing is computed until the value is stored, read or reduced.
   *
   * <p>Between float32 and the 16-bit types any vector can be converted. Between float64 and others
   * the vector must be stored, since an expression over both would be computed in one of them.
   *
   * @param target names, shapes and devices of this vector, with the types wanted
   * @return an expression, or this vector if it is of those types
   * @throws IllegalArgumentException if the target differs in more than types
   * @throws UnsupportedOperationException if an expression is to be converted between float64 and
   *     other types, or float64 to a 16-bit type at once
   */
  public Vector to(VectorSpec target) {
    if (spec.equals(target)) {
      return this;
    }
    spec.requireSameButTypes(target, "the vector's tensors", "those to convert to");
    if (rank == Rank.ONE_EACH) {
      throw new UnsupportedOperationException(
          "Each tensor is reduced to one number; call materialize() before converting them");
    }
    Node value = exact();
    VectorSpec computed = target.computed();
    if (domain.equals(computed)) {
      return new Vector(domain, target, Rank.ELEMENTS, value);
    }
    if (value.op != Op.LOAD || value.vector != this) {
      throw new UnsupportedOperationException(
          "An expression over "
              + spec
              + " can't be converted to "
              + target
              + ": it is computed in one of float32 and float64; call materialize() on it first");
    }
    for (int i = 0; i < spec.size(); i++) {
      if (target.tensors().get(i).dtype().isHalf()
          && spec.tensors().get(i).dtype() == DType.FLOAT64) {
        throw new UnsupportedOperationException(
            "Tensor "
                + spec.tensors().get(i)
                + " can't be converted to 16 bits at once; say to(DType.FLOAT32) first, which"
                + " rounds too");
      }
    }
    return new Vector(computed, target, Rank.ELEMENTS, value);
  }

  /** The value as memory of this spec would hold it: rounded where that has 16 bits. */
  private Node exact() {
    Node value = node();
    if (!spec.hasHalf() || (value.vector != null && value.vector.spec.equals(spec))) {
      return value;
    }
    double[] types = spec.tensors().stream().mapToDouble(one -> one.dtype().code()).toArray();
    boolean one = Arrays.stream(types).allMatch(type -> type == types[0]);
    Node all = one ? Node.constant(types[0]) : Node.of(Op.CONSTANT_EACH, null, null, types);
    return Node.of(Op.ROUND, value, all);
  }

  // ---- frameworks' kernels ---------------------------------------------------------------------

  /**
   * The result of a kernel that takes this vector as gradients. It runs block by block in the sweep
   * that first needs the result, once, whatever reads it afterwards.
   *
   * @param kernel steps a stretch of elements
   * @param start what the kernel makes the result from; null for zeros
   * @return an expression
   */
  public Vector stepped(BlockKernel kernel, @Nullable Vector start) {
    requireArithmetic();
    if (start != null) {
      start.requireArithmetic();
      domain.requireSame(start.domain, "the gradients", "the parameters");
    }
    if (rank != Rank.ELEMENTS || (start != null && start.rank != Rank.ELEMENTS)) {
      throw new IllegalArgumentException("A kernel steps elements, not one number for each tensor");
    }
    Node from = start == null ? null : start.node();
    return new Vector(domain, spec, rank, Node.of(Op.CALL, node(), from, kernel));
  }

  // ---- reductions ------------------------------------------------------------------------------

  /**
   * The sum of each tensor, accumulated in float64: a vector of scalars under the same names, which
   * later arithmetic applies to all elements of the tensor of that name.
   */
  public Vector sum() {
    return reduced(Op.SUM_EACH);
  }

  /** The sum of squares of each tensor, accumulated in float64; see {@link #sum()}. */
  public Vector sumOfSquares() {
    return reduced(Op.SUM_SQUARES_EACH);
  }

  private Vector reduced(Op op) {
    if (rank == Rank.ONE_EACH) {
      throw new IllegalStateException("Each tensor is already reduced to one number");
    }
    requireArithmetic();
    return new Vector(domain, spec.scalars(), Rank.ONE_EACH, Node.of(op, node()));
  }

  /** The sum over all tensors. */
  public Scalar total() {
    requireArithmetic();
    return new Scalar(domain, Node.of(Op.SUM_ALL, node()));
  }

  /** The Euclidean norm over all tensors, squares accumulated in float64. */
  public Scalar norm() {
    requireArithmetic();
    return new Scalar(domain, Node.of(Op.SQRT, Node.of(Op.SUM_SQUARES_ALL, node())));
  }

  /**
   * Looks at every element, in one pass over what the vector is computed from. Tensors may be of
   * any type.
   *
   * @return whether none is NaN or infinite
   */
  public boolean allFinite() {
    Vector elements = to(spec.computed());
    return Sweep.scalar(domain, Node.of(Op.NONFINITE_ALL, elements.node())) == 0;
  }

  // ---- values ----------------------------------------------------------------------------------

  /**
   * Computes the value of this expression into new memory, or copies a stored vector.
   *
   * @return a stored vector, to be closed by the caller
   */
  public Vector materialize() {
    Vector result = allocate(spec);
    try {
      if (rank == Rank.ELEMENTS) {
        Sweep.storeAll(List.of(result), List.of(node()), false);
      } else {
        double[] values = Sweep.scalars(domain, node());
        for (int i = 0; i < values.length; i++) {
          result.writeScalar(i, values[i]);
        }
      }
      return result;
    } catch (RuntimeException | Error e) {
      result.close();
      throw e;
    }
  }

  private void writeScalar(int position, double value) {
    TensorSpec tensor = spec.tensors().get(position);
    ByteBuffer buffer = NativeBlock.view(storage().addresses[position], tensor.bytes());
    if (tensor.dtype() == DType.FLOAT32) {
      buffer.putFloat(0, (float) value);
    } else {
      buffer.putDouble(0, value);
    }
  }

  /**
   * Stores the value of an expression, which may read this vector, in this vector's memory.
   *
   * @param value an expression or a stored vector of an equal spec
   * @throws IllegalArgumentException if the specs differ
   * @throws IllegalStateException if this is an expression, or an operand of the value was written
   *     to after the expression was formed
   */
  public void assign(Vector value) {
    Storage target = storage();
    spec.requireSame(value.spec, "the target", "the value");
    if (value.rank == Rank.ONE_EACH) {
      Recording.flush();
      double[] values = Sweep.scalars(value.domain, value.node());
      for (int i = 0; i < values.length; i++) {
        writeScalar(i, values[i]);
      }
      target.markWritten();
      return;
    }
    write(value.node());
  }

  private void write(Node value) {
    Recording recording = Recording.current();
    if (recording != null) {
      recording.store(this, value);
    } else {
      Sweep.storeAll(List.of(this), List.of(value), false);
    }
  }

  /**
   * Sets every element.
   *
   * @param value narrowed to the dtype of each tensor
   */
  public void fill(double value) {
    requireHost();
    write(Node.constant(value));
  }

  /**
   * @param name a tensor's name
   * @return the elements, copied and widened if they have 16 bits, in row-major order
   * @throws IllegalArgumentException if there is no such tensor or it is float64
   */
  public float[] toFloats(String name) {
    float[] values = new float[arrayLength(name)];
    DType dtype = spec.get(name).dtype();
    if (!dtype.isHalf()) {
      requireType(name, DType.FLOAT32);
      read(name, (buffer, count) -> buffer.asFloatBuffer().get(values));
      return values;
    }
    read(
        name,
        (buffer, count) -> {
          ShortBuffer bits = buffer.asShortBuffer();
          for (int i = 0; i < values.length; i++) {
            values[i] = HalfBits.widen(dtype, bits.get(i));
          }
        });
    return values;
  }

  /**
   * @param name a tensor's name
   * @return the elements, copied and widened if they are not float64, in row-major order
   * @throws IllegalArgumentException if there is no such tensor
   */
  public double[] toDoubles(String name) {
    if (spec.get(name).dtype() != DType.FLOAT64) {
      float[] narrow = toFloats(name);
      double[] wide = new double[narrow.length];
      for (int i = 0; i < wide.length; i++) {
        wide[i] = narrow[i];
      }
      return wide;
    }
    double[] values = new double[arrayLength(name)];
    read(name, (buffer, count) -> buffer.asDoubleBuffer().get(values));
    return values;
  }

  private int arrayLength(String name) {
    return Math.toIntExact(spec.get(name).numel());
  }

  private void requireType(String name, DType dtype) {
    TensorSpec tensor = spec.get(name);
    if (tensor.dtype() != dtype) {
      throw new IllegalArgumentException("Tensor " + tensor + " is not " + dtype);
    }
  }

  private void read(String name, BiConsumer<ByteBuffer, Long> reader) {
    Recording recording = Recording.current();
    if (storage == null || (recording != null && recording.pending(this) != null)) {
      try (Vector stored = materialize()) {
        stored.read(name, reader);
      }
      return;
    }
    requireHost();
    TensorSpec tensor = spec.get(name);
    storage.enterRead();
    try {
      ByteBuffer view = NativeBlock.view(storage.addresses[spec.position(name)], tensor.bytes());
      reader.accept(view, tensor.numel());
      NativeMemory.countCopy(tensor.bytes());
    } finally {
      storage.leave();
    }
  }

  /**
   * The memory of a tensor. Valid until {@code close()}; whoever reads or writes through it keeps
   * this vector reachable and open.
   *
   * @param name a tensor's name
   * @return its address
   */
  public long address(String name) {
    Recording.flush();
    return storage().addresses[spec.position(name)];
  }

  /**
   * A view of a float32 tensor's memory, without a copy. Valid until {@code close()}; whoever uses
   * it keeps this vector reachable and open.
   *
   * @param name a tensor's name
   * @return the view, of at most 2^29 - 1 elements
   */
  public FloatBuffer floatBuffer(String name) {
    requireType(name, DType.FLOAT32);
    requireHost();
    return NativeBlock.view(address(name), spec.get(name).bytes()).asFloatBuffer();
  }

  /**
   * How often this stored vector was written to through this class, by assignments that are in
   * memory and by native calls.
   *
   * @return a count that only grows
   */
  public long version() {
    return storage().version();
  }

  /**
   * The address of this stored vector's {@code ob_tensor} table, for native bridges. Valid until
   * {@code close()}.
   *
   * @return the address
   */
  public long nativeTable() {
    return storage().table;
  }

  /** Enters a native call that reads this stored vector; see {@link #endUse()}. */
  public void beginRead() {
    Recording.flush();
    storage().enterRead();
  }

  /** Enters a native call that writes this stored vector; see {@link #endUse()}. */
  public void beginWrite() {
    Recording.flush();
    storage().enterWrite();
    storage().markWritten();
  }

  /** Leaves the call entered by {@link #beginRead()} or {@link #beginWrite()}. */
  public void endUse() {
    storage().leave();
  }

  /** Returns a copy of all tensors' elements, one after the other, widened to float64. */
  public double[] flatten() {
    List<double[]> parts = new ArrayList<>();
    int total = 0;
    for (String name : spec.names()) {
      double[] part = toDoubles(name);
      parts.add(part);
      total += part.length;
    }
    double[] all = new double[total];
    int at = 0;
    for (double[] part : parts) {
      System.arraycopy(part, 0, all, at, part.length);
      at += part.length;
    }
    return all;
  }

  /** Releases the memory of a stored vector; an expression has none. Calling it again is fine. */
  @Override
  public void close() {
    if (storage != null && !storage.isClosed()) {
      Recording.beforeClose(this);
      storage.close();
    }
  }

  @Override
  public String toString() {
    return storage != null ? storage.toString() : "Vector expression over " + domain.names();
  }
}
