package org.optibridge.vector;

import static java.util.Objects.requireNonNull;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.optibridge.memory.NativeBlock;
import org.optibridge.memory.NativeHandle;

/**
 * The memory behind a stored vector: the native table of {@code ob_tensor}, the elements this
 * vector owns, and a hold on whatever it borrows.
 */
final class Storage extends NativeHandle {
  static final int ENTRY = 56; // sizeof(ob_tensor)
  private static final int SLACK = 48; // offset of its last member
  private static final long ALIGNMENT = 64;

  final long table;
  final long[] addresses;

  // Never read: borrowed memory lives at least as long as native code knows its address.
  @SuppressWarnings("UnusedVariable")
  private final List<Object> keepAlive;

  // Counts writes, so that an expression can tell whether its operands changed under it.
  private final AtomicLong version;
  // Whose memory this is, if it is a part of another vector's.
  private final @Nullable Storage whole;

  private Storage(
      String description,
      long owned,
      long table,
      long block,
      long[] addresses,
      List<Object> keepAlive,
      @Nullable Storage whole) {
    super(description, owned, new Free(table, block));
    this.table = table;
    this.addresses = addresses;
    this.keepAlive = keepAlive;
    this.whole = whole;
    this.version = whole == null ? new AtomicLong() : whole.version;
  }

  /** Some of a storage's tensors: what is done to them is done to the whole. */
  static Storage part(Storage whole, VectorSpec spec, int[] positions) {
    long[] addresses = new long[positions.length];
    for (int i = 0; i < addresses.length; i++) {
      addresses[i] = whole.addresses[positions[i]];
    }
    whole.enterRead();
    try {
      long[] slack = new long[positions.length];
      ByteBuffer entries = NativeBlock.view(whole.table, (long) whole.addresses.length * ENTRY);
      for (int i = 0; i < slack.length; i++) {
        slack[i] = entries.getLong(positions[i] * ENTRY + SLACK);
      }
      long table = writeTable(spec, addresses, slack);
      return new Storage(describe(spec), 0, table, 0, addresses, List.of(whole), whole);
    } finally {
      whole.leave();
    }
  }

  void enterRead() {
    if (whole == null) {
      acquireShared();
      return;
    }
    whole.enterRead();
    enterPart(this::acquireShared);
  }

  void enterWrite() {
    if (whole == null) {
      acquireExclusive();
      return;
    }
    whole.enterWrite();
    enterPart(this::acquireExclusive);
  }

  private void enterPart(Runnable acquire) {
    try {
      acquire.run();
    } catch (RuntimeException | Error e) {
      requireNonNull(whole).leave();
      throw e;
    }
  }

  void leave() {
    release();
    if (whole != null) {
      whole.leave();
    }
  }

  long version() {
    return version.get();
  }

  void markWritten() {
    version.incrementAndGet();
  }

  private record Free(long table, long block) implements Runnable {
    @Override
    public void run() {
      NativeBlock.free(table);
      NativeBlock.free(block);
    }
  }

  /**
   * @param spec the tensors
   * @param borrowed an address for each tensor, 0 for one to allocate
   * @param keepAlive what to hold as long as this is open
   */
  static Storage create(VectorSpec spec, long[] borrowed, List<Object> keepAlive) {
    long owned = 0;
    for (int i = 0; i < spec.size(); i++) {
      if (borrowed[i] == 0) {
        TensorSpec tensor = spec.tensors().get(i);
        if (tensor.device().kind() != Device.Kind.CPU) {
          throw new UnsupportedOperationException(
              "Tensor "
                  + tensor
                  + " can be wrapped by its address, but not allocated: only host memory is"
                  + " allocated here");
        }
        owned += aligned(tensor.bytes());
      }
    }
    long table = 0;
    long block = 0;
    try {
      block = owned == 0 ? 0 : NativeBlock.allocate(owned);
      long[] addresses = borrowed.clone();
      long next = block;
      for (int i = 0; i < addresses.length; i++) {
        if (addresses[i] == 0) {
          addresses[i] = next;
          next += aligned(spec.tensors().get(i).bytes());
        }
      }
      long[] slack = new long[addresses.length];
      for (int i = 0; i < slack.length; i++) {
        long bytes = spec.tensors().get(i).bytes();
        slack[i] = borrowed[i] == 0 ? aligned(bytes) - bytes : 0;
      }
      table = writeTable(spec, addresses, slack);
      return new Storage(
          describe(spec), owned, table, block, addresses, List.copyOf(keepAlive), null);
    } catch (RuntimeException | Error e) {
      NativeBlock.free(table);
      NativeBlock.free(block);
      throw e;
    }
  }

  private static long aligned(long bytes) {
    // An empty tensor still gets an address of its own.
    return Math.max(1, (bytes + ALIGNMENT - 1) / ALIGNMENT) * ALIGNMENT;
  }

  private static String describe(VectorSpec spec) {
    List<String> names = spec.names();
    String shown = String.join(", ", names.subList(0, Math.min(3, names.size())));
    return "Vector [" + shown + (names.size() > 3 ? ", … " + names.size() + " tensors]" : "]");
  }

  private static long writeTable(VectorSpec spec, long[] addresses, long[] slack) {
    int count = spec.size();
    byte[][] names = new byte[count][];
    long size = (long) count * ENTRY;
    for (int i = 0; i < count; i++) {
      TensorSpec tensor = spec.tensors().get(i);
      names[i] = tensor.name().getBytes(StandardCharsets.UTF_8);
      size += 8L * tensor.shape().length + names[i].length + 1;
    }
    long table = NativeBlock.allocate(size);
    try {
      ByteBuffer buffer = NativeBlock.view(table, size);
      int shapeAt = count * ENTRY;
      int nameAt = shapeAt;
      for (TensorSpec tensor : spec.tensors()) {
        nameAt += 8 * tensor.shape().length;
      }
      for (int i = 0; i < count; i++) {
        TensorSpec tensor = spec.tensors().get(i);
        long[] shape = tensor.shape();
        buffer
            .position(i * ENTRY)
            .putLong(addresses[i])
            .putLong(tensor.numel())
            .putLong(table + shapeAt)
            .putLong(table + nameAt)
            .putInt(shape.length)
            .putInt(tensor.dtype().code())
            .putInt(tensor.device().kind().code())
            .putInt(tensor.device().index())
            .putLong(slack[i]);
        for (long extent : shape) {
          buffer.putLong(shapeAt, extent);
          shapeAt += 8;
        }
        buffer.position(nameAt).put(names[i]).put((byte) 0);
        nameAt += names[i].length + 1;
      }
      return table;
    } catch (RuntimeException | Error e) {
      NativeBlock.free(table);
      throw e;
    }
  }
}
