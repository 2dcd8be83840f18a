package org.optibridge.vector;

import java.nio.Buffer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.bytedeco.javacpp.Pointer;
import org.jspecify.annotations.Nullable;
import org.optibridge.memory.NativeBlock;
import org.optibridge.memory.NativeMemory;

/**
 * Builds a stored {@link Vector} tensor by tensor, in order. {@code wrap…} borrows memory of the
 * caller without a copy and keeps a strong reference to its owner; {@code allocate} and {@code
 * copy} take new memory. Not thread-safe; use it once.
 */
public final class VectorBuilder {
  private record Entry(
      TensorSpec spec, long address, @Nullable Object owner, @Nullable Consumer<ByteBuffer> fill) {}

  private final List<Entry> entries = new ArrayList<>();

  VectorBuilder() {}

  /**
   * Adds a tensor of zeros in new memory, aligned to 64 bytes.
   *
   * @param name its name
   * @param dtype its element type
   * @param shape its extents; none for a scalar
   * @return this
   */
  public VectorBuilder allocate(String name, DType dtype, long... shape) {
    entries.add(new Entry(new TensorSpec(name, dtype, Device.CPU, shape), 0, null, null));
    return this;
  }

  /**
   * Adds a float32 tensor in new memory, copied from an array. Arrays can't be wrapped: the garbage
   * collector moves them.
   *
   * @param name its name
   * @param values the elements in row-major order
   * @param shape its extents; their product is the array's length
   * @return this
   */
  public VectorBuilder copy(String name, float[] values, long... shape) {
    TensorSpec spec = sized(name, DType.FLOAT32, values.length, "array", shape);
    entries.add(new Entry(spec, 0, null, buffer -> buffer.asFloatBuffer().put(values)));
    return this;
  }

  /**
   * Adds a float64 tensor in new memory, copied from an array; see {@link #copy(String, float[],
   * long...)}.
   *
   * @param name its name
   * @param values the elements in row-major order
   * @param shape its extents; their product is the array's length
   * @return this
   */
  public VectorBuilder copy(String name, double[] values, long... shape) {
    TensorSpec spec = sized(name, DType.FLOAT64, values.length, "array", shape);
    entries.add(new Entry(spec, 0, null, buffer -> buffer.asDoubleBuffer().put(values)));
    return this;
  }

  /**
   * Adds a tensor of any type in new memory, each element the nearest number of the type; see
   * {@link #copy(String, float[], long...)}.
   *
   * @param name its name
   * @param dtype its element type
   * @param values the elements in row-major order; to the nearest, ties to even, beyond the range
   *     infinite
   * @param shape its extents; their product is the array's length
   * @return this
   */
  public VectorBuilder copy(String name, DType dtype, double[] values, long... shape) {
    TensorSpec spec = sized(name, dtype, values.length, "array", shape);
    entries.add(
        new Entry(
            spec,
            0,
            null,
            buffer -> {
              for (double value : values) {
                put(buffer, dtype, value);
              }
            }));
    return this;
  }

  private static void put(ByteBuffer buffer, DType dtype, double value) {
    switch (dtype) {
      case FLOAT32 -> buffer.putFloat((float) value);
      case FLOAT64 -> buffer.putDouble(value);
      default -> buffer.putShort(HalfBits.narrow(dtype, value));
    }
  }

  /**
   * Adds a float32 tensor in the caller's memory, from the buffer's position on.
   *
   * @param name its name
   * @param buffer direct, writable, in native byte order, with as many remaining elements
   * @param shape its extents
   * @return this
   * @throws IllegalArgumentException if the buffer is none of these
   */
  public VectorBuilder wrap(String name, FloatBuffer buffer, long... shape) {
    requireWrappable(name, buffer, buffer.order());
    return wrapBuffer(name, DType.FLOAT32, buffer, buffer.remaining(), shape);
  }

  /**
   * Adds a float64 tensor in the caller's memory; see {@link #wrap(String, FloatBuffer, long...)}.
   *
   * @param name its name
   * @param buffer direct, writable, in native byte order, with as many remaining elements
   * @param shape its extents
   * @return this
   */
  public VectorBuilder wrap(String name, DoubleBuffer buffer, long... shape) {
    requireWrappable(name, buffer, buffer.order());
    return wrapBuffer(name, DType.FLOAT64, buffer, buffer.remaining(), shape);
  }

  /**
   * Adds a tensor in the caller's memory, from the buffer's position on.
   *
   * @param name its name
   * @param buffer direct, writable, in native byte order, with as many remaining bytes as the
   *     tensor has, starting at a multiple of the element's size
   * @param dtype the element type
   * @param shape its extents
   * @return this
   */
  public VectorBuilder wrap(String name, ByteBuffer buffer, DType dtype, long... shape) {
    requireWrappable(name, buffer, buffer.order());
    if (buffer.remaining() % dtype.bytes() != 0) {
      throw new IllegalArgumentException(
          "Tensor '"
              + name
              + "': the buffer's "
              + buffer.remaining()
              + " remaining bytes are no multiple of the "
              + dtype.bytes()
              + " bytes of a "
              + dtype);
    }
    return wrapBuffer(name, dtype, buffer, buffer.remaining() / dtype.bytes(), shape);
  }

  /**
   * Adds a tensor in the memory of a JavaCPP pointer, from its position on.
   *
   * @param name its name
   * @param pointer where the elements begin; held until the vector is closed
   * @param dtype the element type
   * @param shape its extents
   * @return this
   */
  public VectorBuilder wrap(String name, Pointer pointer, DType dtype, long... shape) {
    if (pointer.isNull()) {
      throw new IllegalArgumentException("Tensor '" + name + "': the pointer is null");
    }
    long start = pointer.address() + pointer.position() * pointer.sizeof();
    return wrapAddress(name, dtype, Device.CPU, start, pointer, shape);
  }

  /**
   * Adds a tensor at an address. The caller vouches for the memory: enough of it, contiguous, on
   * that device, alive until the vector is closed.
   *
   * @param name its name
   * @param dtype the element type
   * @param device where the memory is
   * @param address of the first element, a multiple of the element's size
   * @param keepAlive an object that owns the memory, held until the vector is closed; null if the
   *     memory never goes away
   * @param shape its extents
   * @return this
   */
  public VectorBuilder wrapAddress(
      String name,
      DType dtype,
      Device device,
      long address,
      @Nullable Object keepAlive,
      long... shape) {
    if (address == 0) {
      throw new IllegalArgumentException("Tensor '" + name + "': the address is null");
    }
    if (address % dtype.bytes() != 0) {
      throw new IllegalArgumentException(
          "Tensor '"
              + name
              + "': the address is not aligned to the "
              + dtype.bytes()
              + " bytes of a "
              + dtype);
    }
    entries.add(new Entry(new TensorSpec(name, dtype, device, shape), address, keepAlive, null));
    return this;
  }

  private VectorBuilder wrapBuffer(
      String name, DType dtype, Buffer buffer, long elements, long... shape) {
    sized(name, dtype, elements, "buffer", shape);
    // A Pointer over a buffer starts at the buffer's first element, whatever its position.
    long start = new Pointer(buffer).address() + bytesBefore(buffer);
    return wrapAddress(name, dtype, Device.CPU, start, buffer, shape);
  }

  private static long bytesBefore(Buffer buffer) {
    if (buffer instanceof FloatBuffer) {
      return 4L * buffer.position();
    }
    return buffer instanceof DoubleBuffer ? 8L * buffer.position() : buffer.position();
  }

  private static TensorSpec sized(
      String name, DType dtype, long elements, String source, long... shape) {
    TensorSpec spec = new TensorSpec(name, dtype, Device.CPU, shape);
    if (spec.numel() != elements) {
      throw new IllegalArgumentException(
          "Tensor "
              + spec
              + " has "
              + spec.numel()
              + " elements, the "
              + source
              + " has "
              + elements);
    }
    return spec;
  }

  private static void requireWrappable(String name, Buffer buffer, ByteOrder order) {
    if (!buffer.isDirect()) {
      throw new IllegalArgumentException(
          "Tensor '"
              + name
              + "': a heap buffer can't be wrapped, the garbage collector moves it; use"
              + " ByteBuffer.allocateDirect(…).order(ByteOrder.nativeOrder()), or copy(…) from an"
              + " array");
    }
    if (buffer.isReadOnly()) {
      throw new IllegalArgumentException("Tensor '" + name + "': the buffer is read-only");
    }
    if (order != ByteOrder.nativeOrder()) {
      throw new IllegalArgumentException(
          "Tensor '"
              + name
              + "': the buffer is "
              + order
              + ", not in native order; call order(ByteOrder.nativeOrder()) on the ByteBuffer"
              + " first");
    }
  }

  /**
   * Makes the vector. What was allocated or copied lies in one block.
   *
   * @return the vector, to be closed by the caller
   * @throws IllegalArgumentException if there is no tensor or a name occurs twice
   */
  public Vector build() {
    VectorSpec spec = new VectorSpec(entries.stream().map(Entry::spec).toList());
    long[] borrowed = entries.stream().mapToLong(Entry::address).toArray();
    List<Object> owners = new ArrayList<>();
    for (Entry entry : entries) {
      if (entry.owner() != null) {
        owners.add(entry.owner());
      }
    }
    Vector vector = new Vector(spec, Storage.create(spec, borrowed, owners));
    for (Entry entry : entries) {
      Consumer<ByteBuffer> fill = entry.fill();
      if (fill != null && entry.spec().numel() > 0) {
        fill.accept(NativeBlock.view(vector.address(entry.spec().name()), entry.spec().bytes()));
        NativeMemory.countCopy(entry.spec().bytes());
      }
    }
    return vector;
  }
}
