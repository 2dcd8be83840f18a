package org.optibridge.memory;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.bytedeco.javacpp.Pointer;

/** Allocation and views of raw native memory. Callers own what they allocate. */
public final class NativeBlock {
  private NativeBlock() {}

  /**
   * Zero-filled memory, aligned to 64 bytes. The caller frees it with {@link #free(long)}.
   *
   * @param bytes how much
   * @return its address
   * @throws NativeOutOfMemoryException if there is not enough
   */
  public static long allocate(long bytes) {
    long[] out = new long[1];
    NativeStatus.check(CoreLibrary.ob_alloc(bytes, out));
    return out[0];
  }

  /**
   * @param address what {@link #allocate(long)} returned; 0 is ignored
   */
  public static void free(long address) {
    CoreLibrary.ob_free(address);
  }

  /**
   * A buffer over native memory, in native order, that does not own it: whoever uses it keeps the
   * memory alive.
   *
   * @param address where it begins
   * @param bytes its length
   * @return the view
   * @throws IllegalArgumentException if it is longer than a buffer can be
   */
  public static ByteBuffer view(long address, long bytes) {
    if (bytes > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "A ByteBuffer holds at most 2 GiB, not " + bytes + " bytes; use the address instead");
    }
    return new RawPointer(address, bytes).asByteBuffer().order(ByteOrder.nativeOrder());
  }

  private static final class RawPointer extends Pointer {
    RawPointer(long address, long bytes) {
      this.address = address;
      this.limit = bytes;
      this.capacity = bytes;
    }

    // A subclass of Pointer counts in pointers unless told otherwise.
    @Override
    public int sizeof() {
      return 1;
    }
  }
}
