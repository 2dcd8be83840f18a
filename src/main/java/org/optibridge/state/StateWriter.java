package org.optibridge.state;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.optibridge.memory.NativeBlock;
import org.optibridge.optimizer.State;
import org.optibridge.state.SafeTensorsHeader.Slot;
import org.optibridge.vector.Device;
import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorSpec;

/** Writes one state; elements go from native memory to the sink without a copy in between. */
final class StateWriter {
  private static final long CHUNK = 1 << 30;

  /** Takes all remaining bytes of a buffer. */
  interface Sink {
    void put(ByteBuffer bytes) throws IOException;
  }

  private record Source(Vector vector, String name) {}

  private final Map<String, Source> sources = new LinkedHashMap<>();
  private final List<TensorSpec> tensors = new ArrayList<>();
  private final Deque<String> path = new ArrayDeque<>();
  private final SafeTensorsHeader header;
  private final byte[] json;
  private int entries;

  StateWriter(State state) {
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put(StateTree.FORMAT_KEY, StateTree.FORMAT);
    metadata.put(StateTree.STATE_KEY, StrictJson.write(tree(state)));
    header = SafeTensorsHeader.layOut(tensors, metadata);
    json = header.json();
  }

  /** Bytes that {@link #writeTo} will put. */
  long total() {
    return SafeTensorsHeader.LENGTH_BYTES + json.length + header.dataBytes();
  }

  void writeTo(Sink sink) throws IOException {
    ByteBuffer length = ByteBuffer.allocate(SafeTensorsHeader.LENGTH_BYTES);
    sink.put(length.order(ByteOrder.LITTLE_ENDIAN).putLong(json.length).flip());
    sink.put(ByteBuffer.wrap(json));
    for (Slot slot : header.slots().values()) {
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

  private Map<String, Object> tree(State state) {
    if (path.size() == StateTree.MAX_DEPTH) {
      throw new IllegalArgumentException(
          "The state has more than " + StateTree.MAX_DEPTH + " levels: " + path);
    }
    Map<String, Object> tree = new LinkedHashMap<>();
    for (String key : state.keys()) {
      if (++entries > SafeTensorsHeader.MAX_ENTRIES) {
        throw new IllegalArgumentException(
            "The state has more than " + SafeTensorsHeader.MAX_ENTRIES + " entries");
      }
      path.addLast(StrictJson.requireUnicode("A name in the state", key));
      tree.put(key, entry(state.value(key)));
      path.removeLast();
    }
    return tree;
  }

  private Map<String, Object> entry(Object value) {
    if (value instanceof State state) {
      return Map.of(StateTree.STATE, tree(state));
    }
    if (value instanceof Vector vector) {
      return Map.of(StateTree.VECTOR, vector(vector));
    }
    if (value instanceof VectorSpec spec) {
      return Map.of(StateTree.SPEC, spec.tensors().stream().map(StateWriter::spec).toList());
    }
    if (value instanceof Double number) {
      Object shown = Double.isFinite(number) ? number : number.toString();
      return Map.of(StateTree.NUMBER, shown);
    }
    String text = StrictJson.requireUnicode("The text at " + path, (String) value);
    return Map.of(StateTree.TEXT, text);
  }

  private List<String> vector(Vector vector) {
    if (!vector.isStored()) {
      throw new IllegalArgumentException(
          "The vector at " + path + " is an expression; call materialize() first");
    }
    for (TensorSpec tensor : vector.spec().tensors()) {
      check(tensor);
      if (!tensor.device().equals(Device.CPU)) {
        throw new IllegalArgumentException(
            "Tensor " + tensor + " at " + path + " is not in host memory; copy it there first");
      }
      String key = TensorKeys.key(path, tensor.name());
      sources.put(key, new Source(vector, tensor.name()));
      tensors.add(new TensorSpec(key, tensor.dtype(), Device.CPU, tensor.shape()));
    }
    return vector.spec().names();
  }

  private static Map<String, Object> spec(TensorSpec tensor) {
    check(tensor);
    Map<String, Object> spec = new LinkedHashMap<>();
    spec.put(StateTree.NAME, tensor.name());
    spec.put(StateTree.DTYPE, tensor.dtype().label());
    spec.put(StateTree.DEVICE, tensor.device().toString());
    spec.put(StateTree.SHAPE, tensor.shape());
    return spec;
  }

  private static void check(TensorSpec tensor) {
    StrictJson.requireUnicode("A tensor's name", tensor.name());
    if (tensor.shape().length > SafeTensorsHeader.MAX_RANK) {
      throw new IllegalArgumentException(
          "Tensor " + tensor + " has more than " + SafeTensorsHeader.MAX_RANK + " extents");
    }
  }
}
