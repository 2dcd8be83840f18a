package org.optibridge.torch;

import static java.util.Objects.requireNonNull;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorSpec;

/**
 * Fits a state to options that need other slots than before. What is needless now is kept; what is
 * needed now starts anew for tensors that were not stepped yet.
 */
final class TorchSlotChange {
  private static final int NONE = -1;

  private final TorchSlots former;
  private final TorchHandle next;
  private final boolean startsLate;
  // Tensors that were stepped already and whose next step is to start a slot.
  private final Set<String> started = new TreeSet<>();

  /**
   * @param former the state, which is not changed before {@link #make} returns
   * @param next of the new options
   * @param startsLate whether the first step of a tensor starts its slots itself, so that one may
   *     be made to appear in mid-run
   */
  TorchSlotChange(TorchSlots former, TorchHandle next, boolean startsLate) {
    this.former = former;
    this.next = next;
    this.startsLate = startsLate;
  }

  /**
   * Makes the state. It shares all vectors that need no change; of the rest, the caller closes the
   * former ones by {@link TorchSlots#closeExcept}.
   *
   * @throws IllegalArgumentException if a tensor that was stepped needs a slot that it lacks;
   *     nothing is changed then
   */
  TorchSlots make() {
    Map<String, Vector> used = new LinkedHashMap<>();
    Map<String, Vector> unused = new LinkedHashMap<>();
    try {
      for (int i = 0; i < next.slots.size(); i++) {
        used.put(next.slots.get(i), vector(next.slots.get(i), i));
      }
      for (String name : former.keys()) {
        if (!used.containsKey(name)) {
          unused.put(name, vector(name, NONE));
        }
      }
    } catch (RuntimeException | Error e) {
      closeMade(used);
      closeMade(unused);
      throw e;
    }
    started.forEach(name -> steps().floatBuffer(name).put(0, 0f));
    return TorchSlots.of(former.spec(), used, unused);
  }

  private void closeMade(Map<String, Vector> vectors) {
    vectors.forEach(
        (name, vector) -> {
          if (vector != former.find(name)) {
            vector.close();
          }
        });
  }

  private Vector steps() {
    return requireNonNull(former.find("step"));
  }

  private boolean isBegun(TensorSpec tensor) {
    return steps().toFloats(tensor.name())[0] != 0;
  }

  /** A slot that the next options have at a position, or at NONE. */
  private Vector vector(String name, int slot) {
    VectorSpec params = former.spec();
    Vector there = former.find(name);
    VectorSpec needs = slot == NONE ? params : next.slotSpec(slot, params);
    List<TensorSpec> all = new ArrayList<>();
    List<TensorSpec> kept = new ArrayList<>();
    for (int i = 0; i < params.size(); i++) {
      TensorSpec param = params.tensors().get(i);
      TensorSpec had = there == null ? null : there.spec().tensors().get(i);
      boolean needed = slot != NONE && next.has(slot, params, i);
      TensorSpec wanted = needed ? needs.tensors().get(i) : none(param);
      // What was never begun is no state: it is not kept for later.
      if (had != null && (had.equals(wanted) || (!needed && isBegun(param)))) {
        kept.add(had);
        all.add(had);
      } else {
        all.add(wanted);
        if (needed) {
          start(param, name);
        }
      }
    }
    if (there != null && kept.size() == all.size()) {
      return there;
    }
    VectorSpec spec = new VectorSpec(all);
    Vector made = slot == NONE ? Vector.allocate(spec) : next.initial(slot, params, spec);
    if (there != null && !kept.isEmpty()) {
      copy(there, made, new VectorSpec(kept));
    }
    return made;
  }

  private static TensorSpec none(TensorSpec param) {
    return new TensorSpec(param.name(), param.dtype(), param.device(), 0);
  }

  private void start(TensorSpec tensor, String slot) {
    if (!isBegun(tensor)) {
      return;
    }
    if (!startsLate) {
      throw new IllegalArgumentException(
          "the state of '"
              + tensor.name()
              + "' was begun without '"
              + slot
              + "', which such options need; set them before the first step, or call reset() to"
              + " begin anew");
    }
    started.add(tensor.name());
  }

  private static void copy(Vector from, Vector to, VectorSpec tensors) {
    try (Vector source = from.select(tensors);
        Vector target = to.select(tensors)) {
      target.assign(source);
    } catch (RuntimeException | Error e) {
      to.close();
      throw e;
    }
  }
}
