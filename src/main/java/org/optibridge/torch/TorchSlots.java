package org.optibridge.torch;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import org.optibridge.optimizer.State;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorSpec;

/**
 * The state of an optimizer: one vector for each slot ("step", "exp_avg", …), in memory that
 * libtorch reads and writes in place. To save a state is to copy these.
 */
final class TorchSlots implements AutoCloseable {
  private final VectorSpec spec;
  private final List<String> names;
  private final List<Vector> vectors = new ArrayList<>();
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
        slots.vectors.add(Vector.filled(handle.slotSpec(i, params), handle.initial(i)));
      }
      slots.finish();
      return slots;
    } catch (RuntimeException | Error e) {
      slots.close();
      throw e;
    }
  }

  /** A copy of a saved state, after checking that it has just the slots that are needed. */
  static TorchSlots copyOf(TorchHandle handle, VectorSpec params, State saved) {
    if (!new HashSet<>(handle.slots).equals(saved.keys())) {
      throw new IllegalArgumentException(
          "The state has the slots "
              + saved.keys()
              + ", but this configuration needs "
              + handle.slots);
    }
    TorchSlots slots = new TorchSlots(params, handle.slots);
    try {
      for (int i = 0; i < handle.slots.size(); i++) {
        String name = handle.slots.get(i);
        Vector from = saved.vector(name);
        handle.slotSpec(i, params).requireSame(from.spec(), "the needed slot", "slot " + name);
        slots.vectors.add(from.materialize());
      }
      slots.finish();
      return slots;
    } catch (RuntimeException | Error e) {
      slots.close();
      throw e;
    }
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

  State copy() {
    State state = new State();
    try {
      for (int i = 0; i < names.size(); i++) {
        state.put(names.get(i), vectors.get(i).materialize());
      }
      return state;
    } catch (RuntimeException | Error e) {
      state.close();
      throw e;
    }
  }

  @Override
  public void close() {
    vectors.forEach(Vector::close);
  }
}
