package org.optibridge.torch;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.optibridge.memory.NativeBlock;
import org.optibridge.vector.DType;
import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorBuilder;
import org.optibridge.vector.VectorSpec;

/**
 * The entries of torch's {@code state_dict}: a tensor for each parameter and slot, named by the
 * parameter's position and the slot, {@code "0.exp_avg"}. Python makes the state of a parameter at
 * its first step, so one that was not stepped yet has no entry.
 */
final class TorchEntries {
  private static final Pattern NAME = Pattern.compile("(0|[1-9][0-9]{0,8})\\.(.+)", Pattern.DOTALL);

  // Python's classes that count no steps; here a parameter with entries was stepped.
  private static final Set<String> UNCOUNTED = Set.of("SGD", "Muon");
  // Python's classes that make the state before the first step.
  private static final Set<String> EARLY = Set.of("Adagrad");

  private static final int STEP = 0;

  private final TorchHandle handle;
  private final TorchOptimizerSpec optimizer;
  private final VectorSpec params;
  private final List<VectorSpec> specs = new ArrayList<>();
  // Slots that Python has as well.
  private final List<Integer> shared = new ArrayList<>();

  /**
   * @throws IllegalArgumentException naming a parameter that this optimizer can't step
   */
  TorchEntries(TorchHandle handle, TorchOptimizerSpec optimizer, VectorSpec params) {
    this.handle = handle;
    this.optimizer = optimizer;
    this.params = params;
    for (int slot = 0; slot < handle.slots.size(); slot++) {
      specs.add(handle.slotSpec(slot, params));
      if (slot != STEP || !UNCOUNTED.contains(optimizer.name())) {
        shared.add(slot);
      }
    }
  }

  /** Whether there are entries at all once a parameter was stepped. */
  boolean any() {
    return !shared.isEmpty();
  }

  /** Whether a parameter was stepped. */
  boolean isBegun(TorchSlots slots) {
    return Arrays.stream(slots.vector(STEP).flatten()).anyMatch(steps -> steps > 0);
  }

  /**
   * Whether a parameter has no such slot, with its group's options or its shape: it is there for
   * libtorch, without elements.
   */
  private boolean isAbsent(int slot, int param) {
    if (!handle.has(slot, params, param)) {
      return true;
    }
    return !handle.isScalar(slot)
        && Arrays.equals(specs.get(slot).tensors().get(param).shape(), new long[] {0})
        && !Arrays.equals(params.tensors().get(param).shape(), new long[] {0});
  }

  private String name(int param, int slot) {
    return param + "." + handle.slots.get(slot);
  }

  /** Copies all entries, in order, into one new vector. */
  Vector copy(TorchSlots slots) {
    double[] steps = slots.vector(STEP).flatten();
    VectorBuilder builder = Vector.builder();
    for (int param = 0; param < params.size(); param++) {
      if (steps[param] == 0 && !EARLY.contains(optimizer.name())) {
        continue;
      }
      for (int slot : shared) {
        if (!isAbsent(slot, param)) {
          TensorSpec tensor = specs.get(slot).tensors().get(param);
          addView(builder, name(param, slot), tensor, slots.vector(slot), tensor.name());
        }
      }
    }
    try (Vector view = builder.build()) {
      return view.materialize();
    }
  }

  private static void addView(
      VectorBuilder builder, String name, TensorSpec tensor, Vector owner, String inOwner) {
    builder.wrapAddress(
        name, tensor.dtype(), tensor.device(), owner.address(inOwner), owner, tensor.shape());
  }

  /** Where an entry of a saved state belongs. */
  private record Place(String entry, int param, int slot) {}

  /**
   * Checks saved entries, then copies them into new slots.
   *
   * @param saved null if there are none although all parameters were stepped
   * @throws IllegalArgumentException saying what does not fit
   */
  TorchSlots read(@Nullable Vector saved) {
    if (saved == null) {
      TorchSlots slots = TorchSlots.initial(handle, params);
      slots.vector(STEP).fill(1);
      return slots;
    }
    if (!saved.isStored()) {
      throw refused("the state's entries are an expression; call materialize() first");
    }
    Map<Integer, List<Place>> places = new LinkedHashMap<>();
    for (TensorSpec tensor : saved.spec().tensors()) {
      Place place = place(tensor);
      places.computeIfAbsent(place.param(), param -> new ArrayList<>()).add(place);
    }
    for (int param = 0; param < params.size(); param++) {
      requireComplete(param, places.get(param));
    }
    saved.beginRead();
    try {
      requireCounts(saved, places);
      TorchSlots slots = TorchSlots.initial(handle, params);
      try {
        fill(slots, saved, places);
        return slots;
      } catch (RuntimeException | Error e) {
        slots.close();
        throw e;
      }
    } finally {
      saved.endUse();
    }
  }

  private IllegalArgumentException refused(String problem) {
    return new IllegalArgumentException(optimizer.qualifiedName() + ": " + problem);
  }

  private Place place(TensorSpec tensor) {
    Matcher matcher = NAME.matcher(tensor.name());
    int slot = matcher.matches() ? handle.slots.indexOf(matcher.group(2)) : -1;
    int param = matcher.matches() ? Integer.parseInt(matcher.group(1)) : -1;
    if (slot < 0 || !shared.contains(slot) || param >= params.size()) {
      throw refused(
          "the state has the entry '"
              + tensor.name()
              + "'; with these options, "
              + params.size()
              + " parameters have "
              + names(shared));
    }
    TensorSpec needed = specs.get(slot).tensors().get(param);
    boolean fits =
        Arrays.equals(tensor.shape(), needed.shape())
            && tensor.device().equals(needed.device())
            && (tensor.dtype() == needed.dtype() || handle.isScalar(slot));
    if (!fits || isAbsent(slot, param)) {
      throw refused(
          "the state's entry "
              + tensor
              + " does not fit parameter "
              + params.tensors().get(param)
              + (isAbsent(slot, param)
                  ? ", which has none"
                  : "; it must be " + needed.dtype() + Arrays.toString(needed.shape())));
    }
    return new Place(tensor.name(), param, slot);
  }

  private List<String> names(List<Integer> slots) {
    return slots.stream().map(handle.slots::get).toList();
  }

  private void requireComplete(int param, @Nullable List<Place> places) {
    if (places == null && !EARLY.contains(optimizer.name())) {
      return;
    }
    List<Integer> needed = shared.stream().filter(slot -> !isAbsent(slot, param)).toList();
    List<Integer> found = places == null ? List.of() : places.stream().map(Place::slot).toList();
    if (!Set.copyOf(found).equals(Set.copyOf(needed))) {
      throw refused(
          "the state has "
              + names(found)
              + " for parameter "
              + params.tensors().get(param)
              + "; with these options it needs "
              + names(needed));
    }
  }

  private void requireCounts(Vector saved, Map<Integer, List<Place>> places) {
    for (List<Place> each : places.values()) {
      for (Place place : each) {
        if (place.slot() == STEP) {
          double steps = saved.toDoubles(place.entry())[0];
          if (!(steps >= 0) || steps != Math.rint(steps) || Double.isInfinite(steps)) {
            throw refused("the state's entry '" + place.entry() + "' is no count: " + steps);
          }
        }
      }
    }
  }

  private void fill(TorchSlots slots, Vector saved, Map<Integer, List<Place>> places) {
    VectorBuilder from = Vector.builder();
    VectorBuilder to = Vector.builder();
    boolean copies = false;
    for (Map.Entry<Integer, List<Place>> each : places.entrySet()) {
      String param = params.tensors().get(each.getKey()).name();
      if (!shared.contains(STEP)) {
        setScalar(slots.vector(STEP), param, 1);
      }
      for (Place place : each.getValue()) {
        Vector target = slots.vector(place.slot());
        TensorSpec source = saved.spec().get(place.entry());
        if (source.dtype() != target.spec().get(param).dtype()) {
          // Python casts scalars, but for the count, to the parameter's dtype when it loads them.
          setScalar(target, param, saved.toDoubles(place.entry())[0]);
          continue;
        }
        addView(from, place.entry(), source, saved, place.entry());
        addView(to, place.entry(), source, target, param);
        copies = true;
      }
    }
    if (copies) {
      try (Vector source = from.build();
          Vector target = to.build()) {
        target.assign(source);
      }
    }
  }

  private static void setScalar(Vector vector, String name, double value) {
    TensorSpec tensor = vector.spec().get(name);
    var memory = NativeBlock.view(vector.address(name), tensor.bytes());
    if (tensor.dtype() == DType.FLOAT32) {
      memory.putFloat(0, (float) value);
    } else {
      memory.putDouble(0, value);
    }
  }
}
