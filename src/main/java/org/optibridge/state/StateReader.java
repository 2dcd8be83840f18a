package org.optibridge.state;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.optibridge.memory.NativeBlock;
import org.optibridge.optimizer.State;
import org.optibridge.state.SafeTensorsHeader.Slot;
import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorSpec;

/**
 * Reads one state. The header is checked first, then the tree, which takes memory for no more than
 * the bytes that are there; elements go from the source to native memory without a copy in between.
 */
final class StateReader {
  private static final String WHAT = "The state's tree";
  private static final long CHUNK = 1 << 30;
  private static final int MAX_MESSAGE = 1000;

  /** Bytes at known places. */
  interface Source {
    long size() throws IOException;

    /** Fills the buffer with the bytes from a position on. */
    void get(long position, ByteBuffer target) throws IOException;
  }

  /** A vector and the places of its tensors, in order. */
  private record Fill(Vector vector, List<Slot> slots) {}

  private final SafeTensorsHeader header;
  private final List<Fill> fills = new ArrayList<>();
  private final Set<String> used = new HashSet<>();
  private final Deque<String> path = new ArrayDeque<>();
  private int entries;

  private StateReader(SafeTensorsHeader header) {
    this.header = header;
  }

  static State read(Source source) throws IOException {
    try {
      return checked(source);
    } catch (IllegalArgumentException e) {
      String message = String.valueOf(e.getMessage());
      if (message.length() <= MAX_MESSAGE) {
        throw e;
      }
      // Names come from the sender, who may want to fill a log; the cause would do so too.
      throw new IllegalArgumentException(message.substring(0, MAX_MESSAGE) + "…");
    }
  }

  private static State checked(Source source) throws IOException {
    long total = source.size();
    if (total < SafeTensorsHeader.LENGTH_BYTES) {
      throw new IllegalArgumentException(
          "There are " + total + " bytes; a state begins with 8 that tell the header's length");
    }
    ByteBuffer first = bytes(source, 0, SafeTensorsHeader.LENGTH_BYTES);
    int length =
        SafeTensorsParser.requireLength(first.order(ByteOrder.LITTLE_ENDIAN).getLong(), total);
    long start = (long) SafeTensorsHeader.LENGTH_BYTES + length;
    ByteBuffer json = bytes(source, SafeTensorsHeader.LENGTH_BYTES, length);
    StateReader reader = new StateReader(SafeTensorsParser.parse(json, total - start));
    try {
      State state = reader.tree();
      reader.fill(source, start);
      return state;
    } catch (RuntimeException | IOException | Error e) {
      reader.fills.forEach(fill -> fill.vector().close());
      throw e;
    }
  }

  private static ByteBuffer bytes(Source source, long position, int count) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(count);
    source.get(position, bytes);
    return bytes.flip();
  }

  private State tree() {
    String format = header.metadata().get(StateTree.FORMAT_KEY);
    String tree = header.metadata().get(StateTree.STATE_KEY);
    if (!StateTree.FORMAT.equals(format) || tree == null) {
      String found = format == null ? "no format" : "the format '" + format + "'";
      throw new IllegalArgumentException(
          "This is no state: its metadata has "
              + found
              + (tree == null ? " and no state" : "")
              + ", not the format '"
              + StateTree.FORMAT
              + "'");
    }
    State state = StrictJson.read(tree, WHAT, this::state);
    for (String key : header.slots().keySet()) {
      if (!used.contains(key)) {
        throw new IllegalArgumentException(WHAT + " does not mention tensor '" + key + "'");
      }
    }
    return state;
  }

  private State state(StrictJson reader) {
    if (path.size() == StateTree.MAX_DEPTH) {
      throw reader.error("more than " + StateTree.MAX_DEPTH + " levels");
    }
    State state = new State();
    reader.object(
        key -> {
          if (++entries > SafeTensorsHeader.MAX_ENTRIES) {
            throw reader.error("more than " + SafeTensorsHeader.MAX_ENTRIES + " entries");
          }
          path.addLast(key);
          Set<String> types = new HashSet<>();
          reader.object(
              type -> {
                if (!types.isEmpty()) {
                  throw reader.error("'" + key + "' has more than one type");
                }
                types.add(type);
                put(state, key, type, reader);
              });
          if (types.isEmpty()) {
            throw reader.error("'" + key + "' has no type");
          }
          path.removeLast();
        });
    return state;
  }

  private void put(State state, String key, String type, StrictJson reader) {
    switch (type) {
      case StateTree.NUMBER -> state.put(key, number(reader));
      case StateTree.TEXT -> state.put(key, reader.text());
      case StateTree.VECTOR -> state.put(key, vector(reader));
      case StateTree.SPEC -> state.put(key, SpecReader.read(reader));
      case StateTree.STATE -> state.put(key, state(reader));
      default -> throw reader.error("'" + key + "' has the unknown type '" + type + "'");
    }
  }

  private static double number(StrictJson reader) {
    if (!reader.atText()) {
      return reader.number();
    }
    String text = reader.text();
    return switch (text) {
      case "NaN" -> Double.NaN;
      case "Infinity" -> Double.POSITIVE_INFINITY;
      case "-Infinity" -> Double.NEGATIVE_INFINITY;
      default -> throw reader.error("'" + text + "' is no number");
    };
  }

  private Vector vector(StrictJson reader) {
    List<TensorSpec> tensors = new ArrayList<>();
    List<Slot> slots = new ArrayList<>();
    reader.array(
        position -> {
          String name = reader.text();
          String key = TensorKeys.key(path, name);
          Slot slot = header.slots().get(key);
          if (slot == null) {
            throw reader.error("the header has no tensor '" + key + "'");
          }
          if (!used.add(key)) {
            throw reader.error("tensor '" + key + "' occurs twice");
          }
          TensorSpec placed = slot.tensor();
          tensors.add(new TensorSpec(name, placed.dtype(), placed.device(), placed.shape()));
          slots.add(slot);
        });
    Vector vector = Vector.allocate(new VectorSpec(tensors));
    fills.add(new Fill(vector, slots));
    return vector;
  }

  private void fill(Source source, long start) throws IOException {
    for (Fill fill : fills) {
      List<TensorSpec> tensors = fill.vector().spec().tensors();
      fill.vector().beginWrite();
      try {
        for (int i = 0; i < tensors.size(); i++) {
          long address = fill.vector().address(tensors.get(i).name());
          long from = start + fill.slots().get(i).begin();
          long bytes = tensors.get(i).bytes();
          for (long at = 0; at < bytes; at += CHUNK) {
            ByteBuffer target = NativeBlock.view(address + at, Math.min(CHUNK, bytes - at));
            source.get(from + at, target);
          }
        }
      } finally {
        fill.vector().endUse();
      }
    }
  }
}
