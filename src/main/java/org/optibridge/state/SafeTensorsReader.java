package org.optibridge.state;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.function.Predicate;
import org.optibridge.memory.NativeBlock;
import org.optibridge.state.SafeTensorsHeader.Slot;
import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.Vector;

/**
 * A safetensors file that is being read. The header is checked first; elements go from the source
 * to native memory without a copy in between.
 */
final class SafeTensorsReader {
  private static final long CHUNK = 1 << 30;
  private static final int MAX_MESSAGE = 1000;

  /** What to make of the file; what it leaves open after an error is its own. */
  interface Form<T> {
    T read(SafeTensorsReader file) throws IOException;
  }

  private final ByteSource source;
  private final SafeTensorsHeader header;
  private final long start;

  private SafeTensorsReader(ByteSource source, SafeTensorsHeader header, long start) {
    this.source = source;
    this.header = header;
    this.start = start;
  }

  /**
   * Reads bytes.
   *
   * @param wanted whether to read the tensor of a key; others may have any dtype
   */
  static <T> T read(byte[] bytes, Predicate<String> wanted, Form<T> form) {
    try {
      return read(ByteSource.of(bytes), wanted, form);
    } catch (IOException e) {
      throw new UncheckedIOException("Reading from memory", e);
    }
  }

  /** Reads a file; errors begin with its name. */
  static <T> T read(Path file, Predicate<String> wanted, Form<T> form) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      return read(ByteSource.of(channel, file), wanted, form);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(file + ": " + e.getMessage(), e);
    }
  }

  private static <T> T read(ByteSource source, Predicate<String> wanted, Form<T> form)
      throws IOException {
    try {
      return form.read(open(source, wanted));
    } catch (IllegalArgumentException e) {
      String message = String.valueOf(e.getMessage());
      if (message.length() <= MAX_MESSAGE) {
        throw e;
      }
      // Names come from the sender, who may want to fill a log; the cause would do so too.
      throw new IllegalArgumentException(message.substring(0, MAX_MESSAGE) + "…");
    }
  }

  private static SafeTensorsReader open(ByteSource source, Predicate<String> wanted)
      throws IOException {
    long total = source.size();
    if (total < SafeTensorsHeader.LENGTH_BYTES) {
      throw new IllegalArgumentException(
          "There are " + total + " bytes; a file begins with 8 that tell the header's length");
    }
    ByteBuffer first = bytes(source, 0, SafeTensorsHeader.LENGTH_BYTES);
    int length =
        SafeTensorsParser.requireLength(first.order(ByteOrder.LITTLE_ENDIAN).getLong(), total);
    long start = (long) SafeTensorsHeader.LENGTH_BYTES + length;
    ByteBuffer json = bytes(source, SafeTensorsHeader.LENGTH_BYTES, length);
    SafeTensorsHeader header = SafeTensorsParser.parse(json, total - start, wanted);
    return new SafeTensorsReader(source, header, start);
  }

  private static ByteBuffer bytes(ByteSource source, long position, int count) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(count);
    source.get(position, bytes);
    return bytes.flip();
  }

  SafeTensorsHeader header() {
    return header;
  }

  /** Fills a vector with the elements of these places, one for each of its tensors. */
  void fill(Vector vector, List<Slot> slots) throws IOException {
    List<TensorSpec> tensors = vector.spec().tensors();
    vector.beginWrite();
    try {
      for (int i = 0; i < tensors.size(); i++) {
        long address = vector.address(tensors.get(i).name());
        long from = start + slots.get(i).begin();
        long bytes = tensors.get(i).bytes();
        for (long at = 0; at < bytes; at += CHUNK) {
          ByteBuffer target = NativeBlock.view(address + at, Math.min(CHUNK, bytes - at));
          source.get(from + at, target);
        }
      }
    } finally {
      vector.endUse();
    }
  }
}
