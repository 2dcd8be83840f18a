package org.optibridge.state;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.optibridge.optimizer.State;
import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorSpec;

/** Writes one state: its tree into the metadata, its tensors under their paths. */
final class StateWriter {
  private final SafeTensorsWriter file = new SafeTensorsWriter();
  private final Deque<String> path = new ArrayDeque<>();
  private final PlainJson plain = new PlainJson();
  private int entries;

  private StateWriter() {}

  static SafeTensorsWriter.Laid layOut(State state) {
    StateWriter writer = new StateWriter();
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put(StateTree.FORMAT_KEY, StateTree.FORMAT);
    metadata.put(StateTree.STATE_KEY, StrictJson.write(writer.tree(state)));
    return writer.file.layOut(metadata);
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
    if (value instanceof Map || value instanceof List) {
      return Map.of(StateTree.JSON, plain.checked(value));
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
      file.add(TensorKeys.key(path, tensor.name()), vector, tensor, " at " + path);
    }
    return vector.spec().names();
  }

  private static Map<String, Object> spec(TensorSpec tensor) {
    SafeTensorsWriter.check(tensor);
    Map<String, Object> spec = new LinkedHashMap<>();
    spec.put(StateTree.NAME, tensor.name());
    spec.put(StateTree.DTYPE, tensor.dtype().label());
    spec.put(StateTree.DEVICE, tensor.device().toString());
    spec.put(StateTree.SHAPE, tensor.shape());
    return spec;
  }
}
