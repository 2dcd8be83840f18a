package org.optibridge.tensorflow;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.State;
import org.optibridge.tensorflow.TensorflowHandle.SlotKind;
import org.optibridge.tensorflow.TensorflowVariables.Layout;
import org.optibridge.vector.Recording;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorSpec;

/** The state of an optimizer: one set of variables for each slot ("momentum", "velocity", …). */
final class TensorflowSlots implements AutoCloseable {
  private final TensorflowHandle handle;
  private final VectorSpec spec;
  private final Layout layout;
  private final String device;
  private final List<TensorflowVariables> variables = new ArrayList<>();
  private final long[] addresses;

  private TensorflowSlots(
      TensorflowHandle handle, VectorSpec params, Layout layout, String device) {
    this.handle = handle;
    this.spec = params;
    this.layout = layout;
    this.device = device;
    this.addresses = new long[handle.slots.size()];
    try {
      for (int i = 0; i < addresses.length; i++) {
        TensorflowVariables made =
            TensorflowVariables.allocate(handle.slotSpec(i, params), layout, device);
        variables.add(made);
        addresses[i] = made.address();
      }
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  /**
   * State before the first step.
   *
   * @param start the weights, where a slot starts as them; null for zeros
   */
  static TensorflowSlots initial(
      TensorflowHandle handle,
      VectorSpec params,
      Layout layout,
      String device,
      @Nullable Vector start) {
    TensorflowSlots slots = new TensorflowSlots(handle, params, layout, device);
    try {
      for (int i = 0; i < slots.addresses.length; i++) {
        Vector slot = slots.variables.get(i).vector();
        if (handle.kind(i) == SlotKind.FROM_PARAMETER && start != null) {
          slot.assign(start);
        } else if (handle.initial(i) != 0) {
          slot.fill(handle.initial(i));
        }
      }
      slots.push();
      return slots;
    } catch (RuntimeException | Error e) {
      slots.close();
      throw e;
    }
  }

  /** Checks that a saved state has just the slots that are needed, in the shapes needed. */
  static void check(TensorflowHandle handle, VectorSpec params, State saved) {
    Set<String> needed = new HashSet<>(names(handle));
    if (!needed.equals(saved.keys())) {
      throw new IllegalArgumentException(
          "The state has the slots " + saved.keys() + ", but this configuration needs " + needed);
    }
    for (int i = 0; i < handle.slots.size(); i++) {
      if (handle.kind(i) != SlotKind.WORKSPACE) {
        String name = handle.slots.get(i);
        handle
            .slotSpec(i, params)
            .requireSame(saved.vector(name).spec(), "the needed slot", "slot " + name);
      }
    }
  }

  /** A copy of a state that was checked. */
  static TensorflowSlots copyOf(
      TensorflowHandle handle, VectorSpec params, Layout layout, String device, State saved) {
    TensorflowSlots slots = new TensorflowSlots(handle, params, layout, device);
    try {
      for (int i = 0; i < slots.addresses.length; i++) {
        if (handle.kind(i) != SlotKind.WORKSPACE) {
          slots.variables.get(i).vector().assign(saved.vector(handle.slots.get(i)));
        }
      }
      slots.push();
      return slots;
    } catch (RuntimeException | Error e) {
      slots.close();
      throw e;
    }
  }

  /** The same state in another layout. */
  TensorflowSlots in(Layout other) {
    TensorflowSlots moved = new TensorflowSlots(handle, spec, other, device);
    try {
      variables.forEach(TensorflowVariables::pull);
      for (int i = 0; i < addresses.length; i++) {
        moved.variables.get(i).vector().assign(variables.get(i).vector());
      }
      moved.push();
      return moved;
    } catch (RuntimeException | Error e) {
      moved.close();
      throw e;
    }
  }

  private void push() {
    if (!device.equals(TensorflowRuntime.HOST)) {
      Recording.flush();
      variables.forEach(TensorflowVariables::push);
    }
  }

  private static List<String> names(TensorflowHandle handle) {
    List<String> names = new ArrayList<>();
    for (int i = 0; i < handle.slots.size(); i++) {
      if (handle.kind(i) != SlotKind.WORKSPACE) {
        names.add(handle.slots.get(i));
      }
    }
    return names;
  }

  VectorSpec spec() {
    return spec;
  }

  Layout layout() {
    return layout;
  }

  long[] addresses() {
    return addresses;
  }

  State copy() {
    State state = new State();
    try {
      variables.forEach(TensorflowVariables::pull);
      for (int i = 0; i < addresses.length; i++) {
        if (handle.kind(i) != SlotKind.WORKSPACE) {
          state.put(handle.slots.get(i), variables.get(i).vector().materialize());
        }
      }
      return state;
    } catch (RuntimeException | Error e) {
      state.close();
      throw e;
    }
  }

  @Override
  public void close() {
    variables.forEach(TensorflowVariables::close);
  }
}
