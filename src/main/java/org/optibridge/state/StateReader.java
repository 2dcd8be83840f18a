package org.optibridge.state;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.optibridge.optimizer.State;
import org.optibridge.state.SafeTensorsHeader.Slot;
import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorSpec;

/**
 * Reads one state. The tree is checked against the header; it takes memory for no more than the
 * bytes that are there.
 */
final class StateReader {
  private static final String WHAT = "The state's tree";

  /** A vector and the places of its tensors, in order. */
  private record Fill(Vector vector, List<Slot> slots) {}

  private final SafeTensorsHeader header;
  private final List<Fill> fills = new ArrayList<>();
  private final Set<String> used = new HashSet<>();
  private final Deque<String> path = new ArrayDeque<>();
  private final PlainJson plain = new PlainJson();
  private int entries;

  private StateReader(SafeTensorsHeader header) {
    this.header = header;
  }

  static State read(SafeTensorsReader file) throws IOException {
    StateReader reader = new StateReader(file.header());
    try {
      State state = reader.tree();
      for (Fill fill : reader.fills) {
        file.fill(fill.vector(), fill.slots());
      }
      return state;
    } catch (RuntimeException | IOException | Error e) {
      reader.fills.forEach(fill -> fill.vector().close());
      throw e;
    }
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
      case StateTree.JSON -> plain.read(reader, state, key);
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
}
