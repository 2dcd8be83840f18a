package org.optibridge.torch;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.optibridge.memory.NativeMemory;
import org.optibridge.memory.NativeStatus;
import org.optibridge.optimizer.State;
import org.optibridge.vector.DType;
import org.optibridge.vector.Device;
import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorBuilder;
import org.optibridge.vector.VectorSpec;

/** Moves the state of an L-BFGS between its native side and a {@link State}. */
final class LbfgsState {
  private static final String SPECS = "specs";
  private static final String D = "d";
  private static final String PREVIOUS = "prev_flat_grad";
  private static final String DIRS = "old_dirs";
  private static final String STEPS = "old_stps";
  private static final String RO = "ro";
  // In the order of enum ob_lbfgs_number.
  private static final List<String> NUMBERS =
      List.of("func_evals", "n_iter", "t", "H_diag", "prev_loss");
  private static final int HISTORY = 5;
  private static final int COUNT = 6;

  private LbfgsState() {}

  static State save(long address, @Nullable VectorSpec spec) {
    double[] numbers = new double[COUNT];
    NativeStatus.check(TorchLibrary.ob_torch_lbfgs_numbers(address, numbers));
    State state = new State();
    for (int i = 0; i < NUMBERS.size(); i++) {
      state.put(NUMBERS.get(i), numbers[i]);
    }
    if (spec == null) {
      return state;
    }
    state.put(SPECS, spec);
    int history = (int) numbers[HISTORY];
    if (history < 0) {
      return state;
    }
    try {
      TensorSpec flat = flat(spec);
      Vector d = Vector.allocate(new VectorSpec(List.of(flat)));
      state.put(D, d);
      Vector previous = Vector.allocate(d.spec());
      state.put(PREVIOUS, previous);
      long dirs = 0;
      long steps = 0;
      if (history > 0) {
        VectorSpec entries = entries(flat, history);
        dirs = put(state, DIRS, Vector.allocate(entries));
        steps = put(state, STEPS, Vector.allocate(entries));
      }
      double[] ro = new double[history];
      NativeStatus.check(
          TorchLibrary.ob_torch_lbfgs_save(
              address, d.nativeTable(), previous.nativeTable(), dirs, steps, ro));
      if (history > 0) {
        state.put(RO, scalars(ro, flat.dtype()));
      }
      NativeMemory.countCopy(2 * (1L + history) * flat.bytes());
      return state;
    } catch (RuntimeException | Error e) {
      state.close();
      throw e;
    }
  }

  private static long put(State state, String key, Vector vector) {
    state.put(key, vector);
    return vector.nativeTable();
  }

  private static TensorSpec flat(VectorSpec spec) {
    return new TensorSpec("flat", spec.tensors().get(0).dtype(), Device.CPU, spec.numel());
  }

  private static VectorSpec entries(TensorSpec flat, int count) {
    List<TensorSpec> tensors = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      tensors.add(new TensorSpec(Integer.toString(i), flat.dtype(), Device.CPU, flat.shape()));
    }
    return new VectorSpec(tensors);
  }

  private static Vector scalars(double[] values, DType dtype) {
    VectorBuilder builder = Vector.builder();
    for (int i = 0; i < values.length; i++) {
      String name = Integer.toString(i);
      if (dtype == DType.FLOAT64) {
        builder.copy(name, new double[] {values[i]});
      } else {
        builder.copy(name, new float[] {(float) values[i]});
      }
    }
    return builder.build();
  }

  /**
   * Loads a state, of which a copy is made.
   *
   * @return what the weights must be; null if the state is that before a first step
   */
  static @Nullable VectorSpec load(long address, State state, long historySize) {
    double[] numbers = new double[COUNT];
    for (int i = 0; i < NUMBERS.size(); i++) {
      numbers[i] = state.number(NUMBERS.get(i));
    }
    requireCount("func_evals", numbers[0]);
    requireCount("n_iter", numbers[1]);
    if (numbers[1] > 0 && !state.has(D)) {
      throw new IllegalArgumentException("The state lacks the entry '" + D + "' of its last step");
    }
    Set<String> known = new LinkedHashSet<>(NUMBERS);
    VectorSpec spec = state.has(SPECS) ? state.spec(SPECS) : null;
    double[] ro = {};
    numbers[HISTORY] = -1;
    Map<String, VectorSpec> needed = new LinkedHashMap<>();
    if (spec != null) {
      known.add(SPECS);
    }
    if (spec != null && state.has(D)) {
      VectorSpec one = new VectorSpec(List.of(flat(spec)));
      needed.put(D, one);
      needed.put(PREVIOUS, one);
      if (state.has(RO)) {
        ro = state.vector(RO).flatten();
        requireHistory(ro.length, historySize);
        needed.put(DIRS, entries(flat(spec), ro.length));
        needed.put(STEPS, entries(flat(spec), ro.length));
        known.add(RO);
      }
      numbers[HISTORY] = ro.length;
    }
    known.addAll(needed.keySet());
    if (!known.equals(state.keys())) {
      throw new IllegalArgumentException(
          LbfgsOptions.OWNER + ": the state has " + state.keys() + ", it needs just " + known);
    }
    load(address, numbers, ro, state, needed);
    return spec;
  }

  private static void load(
      long address, double[] numbers, double[] ro, State state, Map<String, VectorSpec> needed) {
    Map<String, Vector> read = new LinkedHashMap<>();
    try {
      needed.forEach(
          (key, expected) -> {
            Vector vector = state.vector(key);
            expected.requireSame(vector.spec(), "the needed tensors", "'" + key + "'");
            vector.beginRead();
            read.put(key, vector);
          });
      NativeStatus.check(
          TorchLibrary.ob_torch_lbfgs_load(
              address,
              numbers,
              table(read.get(D)),
              table(read.get(PREVIOUS)),
              table(read.get(DIRS)),
              table(read.get(STEPS)),
              ro));
    } finally {
      read.values().forEach(Vector::endUse);
    }
  }

  private static void requireHistory(int length, long historySize) {
    if (length > historySize) {
      throw new IllegalArgumentException(
          "The state has a history of " + length + ", 'history_size' is " + historySize);
    }
  }

  private static void requireCount(String key, double value) {
    if (!(value >= 0 && value <= 1L << 53 && value == Math.rint(value))) {
      throw new IllegalArgumentException("The state's '" + key + "' is no count: " + value);
    }
  }

  private static long table(@Nullable Vector vector) {
    return vector == null ? 0 : vector.nativeTable();
  }

  static void clear(long address) {
    double[] numbers = {0, 0, 0, 1, 0, -1};
    NativeStatus.check(
        TorchLibrary.ob_torch_lbfgs_load(address, numbers, 0, 0, 0, 0, new double[0]));
  }
}
