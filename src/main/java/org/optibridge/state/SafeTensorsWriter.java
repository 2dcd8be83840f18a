package org.optibridge.state;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.optibridge.memory.NativeBlock;
import org.optibridge.state.SafeTensorsHeader.Slot;
import org.optibridge.vector.Device;
import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.Vector;

/** Writes one safetensors file; elements go from native memory to the sink without a copy. */
final class SafeTensorsWriter {
  private static final long CHUNK = 1 << 30;
  // The longest array that all JVMs make.
  private static final int MAX_ARRAY = Integer.MAX_VALUE - 8;

  /** Takes all remaining bytes of a buffer. */
  interface Sink {
    void put(ByteBuffer bytes) throws IOException;
  }

  private record Source(Vector vector, String name) {}

  private final Map<String, Source> sources = new LinkedHashMap<>();
  private final List<TensorSpec> tensors = new ArrayList<>();

  /**
   * Adds a tensor.
   *
   * @param key in the file
   * @param vector stored
   * @param tensor one of its tensors
   * @param place where it is, for messages
   */
  void add(String key, Vector vector, TensorSpec tensor, String place) {
    check(tensor);
    if (tensors.size() == SafeTensorsHeader.MAX_ENTRIES) {
      throw new IllegalArgumentException(
          "There are more than " + SafeTensorsHeader.MAX_ENTRIES + " tensors");
    }
    if (!tensor.device().equals(Device.CPU)) {
      throw new IllegalArgumentException(
          "Tensor " + tensor + place + " is not in host memory; copy it there first");
    }
    sources.put(key, new Source(vector, tensor.name()));
    tensors.add(new TensorSpec(key, tensor.dtype(), Device.CPU, tensor.shape()));
  }

  /** Checks what is written of a tensor beside its elements. */
  static void check(TensorSpec tensor) {
    StrictJson.requireUnicode("A tensor's name", tensor.name());
    if (tensor.shape().length > SafeTensorsHeader.MAX_RANK) {
      throw new IllegalArgumentException(
          "Tensor " + tensor + " has more than " + SafeTensorsHeader.MAX_RANK + " extents");
    }
  }

  /** The file with this metadata; as long as its vectors are open. */
  Laid layOut(Map<String, String> metadata) {
    SafeTensorsHeader header = SafeTensorsHeader.layOut(tensors, metadata);
    return new Laid(header, header.json());
  }

  /** What is to be written. */
  final class Laid {
    private final SafeTensorsHeader header;
    private final byte[] json;

    private Laid(SafeTensorsHeader header, byte[] json) {
      this.header = header;
      this.json = json;
    }

    void writeTo(Sink sink) throws IOException {
      ByteBuffer length = ByteBuffer.allocate(SafeTensorsHeader.LENGTH_BYTES);
      sink.put(length.order(ByteOrder.LITTLE_ENDIAN).putLong(json.length).flip());
      sink.put(ByteBuffer.wrap(json));
      for (Slot slot : header.placed()) {
        Source source = Objects.requireNonNull(sources.get(slot.tensor().name()));
        source.vector().beginRead();
        try {
          long begin = source.vector().address(source.name());
          long bytes = slot.tensor().bytes();
          for (long at = 0; at < bytes; at += CHUNK) {
            // Native order is little-endian wherever there are natives.
            sink.put(NativeBlock.view(begin + at, Math.min(CHUNK, bytes - at)));
          }
        } finally {
          source.vector().endUse();
        }
      }
    }

    void replace(Path file) throws IOException {
      AtomicFile.replace(file, this);
    }

    byte[] bytes() {
      long total = SafeTensorsHeader.LENGTH_BYTES + json.length + header.dataBytes();
      if (total > MAX_ARRAY) {
        throw new IllegalArgumentException(
            "There are " + total + " bytes, too many for an array; write them to a file");
      }
      ByteBuffer bytes = ByteBuffer.allocate((int) total);
      try {
        writeTo(bytes::put);
      } catch (IOException e) {
        throw new UncheckedIOException("Writing to memory", e);
      }
      return bytes.array();
    }
  }
}
