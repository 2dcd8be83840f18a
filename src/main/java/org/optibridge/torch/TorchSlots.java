package org.optibridge.torch;

import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorSpec;

/**
 * The state of an optimizer: one vector for each slot ("step", "exp_avg", …), in memory that
 * libtorch reads and writes in place. A slot that options made needless is kept, as PyTorch keeps
 * it, and is used again once they need it.
 */
final class TorchSlots implements AutoCloseable {
  private final VectorSpec spec;
  private final List<String> names;
  private final List<Vector> vectors = new ArrayList<>();
  // Slots that no tensor needs at present.
  private final Map<String, Vector> unused = new LinkedHashMap<>();
  private long[] tables = {};

  private TorchSlots(VectorSpec spec, List<String> names) {
    this.spec = spec;
    this.names = names;
  }

  /** State before the first step, for parameters of the given spec. */
  static TorchSlots initial(TorchHandle handle, VectorSpec params) {
    TorchSlots slots = new TorchSlots(params, handle.slots);
    try {
      for (int i = 0; i < handle.slots.size(); i++) {
        slots.vectors.add(handle.initial(i, params));
      }
      slots.finish();
      return slots;
    } catch (RuntimeException | Error e) {
      slots.close();
      throw e;
    }
  }

  /**
   * A state of given vectors, which it owns.
   *
   * @param used by name, in the order of the handle's slots
   * @param unused slots that no tensor needs at present
   */
  static TorchSlots of(VectorSpec spec, Map<String, Vector> used, Map<String, Vector> unused) {
    TorchSlots slots = new TorchSlots(spec, List.copyOf(used.keySet()));
    slots.vectors.addAll(used.values());
    slots.unused.putAll(unused);
    slots.finish();
    return slots;
  }

  /** Returns a slot's vector, needed or not; null if there is none. */
  @Nullable Vector find(String name) {
    int position = names.indexOf(name);
    return position < 0 ? unused.get(name) : vectors.get(position);
  }

  /** Returns the names of all slots, needed or not. */
  Set<String> keys() {
    Set<String> keys = new LinkedHashSet<>(names);
    keys.addAll(unused.keySet());
    return keys;
  }

  /** Closes what another state does not share. */
  void closeExcept(TorchSlots other) {
    Set<Vector> shared = Collections.newSetFromMap(new IdentityHashMap<>());
    shared.addAll(other.vectors);
    shared.addAll(other.unused.values());
    Stream.concat(vectors.stream(), unused.values().stream())
        .filter(vector -> !shared.contains(vector))
        .forEach(Vector::close);
  }

  private void finish() {
    tables = vectors.stream().mapToLong(Vector::nativeTable).toArray();
  }

  VectorSpec spec() {
    return spec;
  }

  long[] tables() {
    return tables;
  }

  /** Returns the vector of one of the handle's slots. */
  Vector vector(int slot) {
    return vectors.get(slot);
  }

  @Override
  public void close() {
    vectors.forEach(Vector::close);
    unused.values().forEach(Vector::close);
  }
}
