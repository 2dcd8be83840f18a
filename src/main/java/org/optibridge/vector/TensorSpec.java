package org.optibridge.vector;

import java.util.Arrays;

/** What a tensor is, without its values: name, element type, shape and device. Immutable. */
public final class TensorSpec {
  private final String name;
  private final DType dtype;
  private final Device device;
  private final long[] shape;
  private final long numel;

  /**
   * @param name its name in the vector; not empty
   * @param dtype its element type
   * @param device where its memory is
   * @param shape its extents, none for a scalar; none negative
   * @throws IllegalArgumentException if the name is empty, an extent negative or the number of
   *     elements beyond what can be addressed
   */
  public TensorSpec(String name, DType dtype, Device device, long... shape) {
    if (name.isEmpty()) {
      throw new IllegalArgumentException("A tensor needs a name that is not empty");
    }
    long count = 1;
    for (long extent : shape) {
      if (extent < 0) {
        throw new IllegalArgumentException(
            "Tensor '" + name + "' has a negative extent: " + Arrays.toString(shape));
      }
      try {
        count = Math.multiplyExact(count, extent);
        Math.multiplyExact(count, 16L);
      } catch (ArithmeticException e) {
        throw new IllegalArgumentException(
            "Tensor '" + name + "' is too large: " + Arrays.toString(shape), e);
      }
    }
    this.name = name;
    this.dtype = dtype;
    this.device = device;
    this.shape = shape.clone();
    this.numel = count;
  }

  /** Returns the tensor's name. */
  public String name() {
    return name;
  }

  /** Returns the element type. */
  public DType dtype() {
    return dtype;
  }

  /** Returns where the memory is. */
  public Device device() {
    return device;
  }

  /** Returns the extents, a copy. */
  public long[] shape() {
    return shape.clone();
  }

  /** Returns the number of elements, 1 for a scalar. */
  public long numel() {
    return numel;
  }

  /** Returns the number of bytes of the elements. */
  public long bytes() {
    return numel * dtype.bytes();
  }

  TensorSpec with(DType other) {
    return other == dtype ? this : new TensorSpec(name, other, device, shape);
  }

  TensorSpec scalar() {
    return new TensorSpec(name, dtype, device);
  }

  boolean equalsButType(TensorSpec that) {
    return name.equals(that.name) && device.equals(that.device) && Arrays.equals(shape, that.shape);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof TensorSpec that
        && name.equals(that.name)
        && dtype == that.dtype
        && device.equals(that.device)
        && Arrays.equals(shape, that.shape);
  }

  @Override
  public int hashCode() {
    return 31 * name.hashCode() + Arrays.hashCode(shape);
  }

  @Override
  public String toString() {
    String where = device.equals(Device.CPU) ? "" : " on " + device;
    return "'" + name + "' " + dtype + Arrays.toString(shape) + where;
  }
}
