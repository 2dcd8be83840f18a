package org.optibridge.tensorflow;

import static java.util.Objects.requireNonNull;

import java.lang.ref.Reference;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.optibridge.memory.NativeMemory;
import org.optibridge.memory.NativeStatus;
import org.optibridge.tensorflow.TensorflowHandle.SlotKind;
import org.optibridge.tensorflow.TensorflowVariables.Layout;
import org.optibridge.vector.Recording;
import org.optibridge.vector.Selection;
import org.optibridge.vector.SparseGradients;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorSpec;
import org.optibridge.vector.Workspace;

/**
 * The memory of a module: its state, what it computes in, and what the native side is bound to.
 *
 * <p><b>Thread-safety.</b> None; the module's handle lets one call at a time through.
 */
final class TensorflowMemory {
  private final TensorflowHandle handle;
  // As "CPU:0"; of all variables made from now on.
  private String device;

  private @Nullable TensorflowSlots slots;
  // What is stepped if not the weights themselves, and gradients that had to be computed first.
  private @Nullable TensorflowVariables work;
  private final Workspace input = new Workspace();
  // Zeros, except while a step by sparse gradients is under way.
  private final Workspace scattered = new Workspace();
  // What the native side is bound to; the same at the next step keeps it.
  private @Nullable TensorflowVariables boundParams;
  private @Nullable Vector boundGradients;
  // All weights, where the present call is about some of them.
  private @Nullable VectorSpec all;
  private final Selection selection = new Selection();

  TensorflowMemory(TensorflowHandle handle, String device) {
    this.handle = handle;
    this.device = device;
  }

  String device() {
    return device;
  }

  /** Whether variables are used by address. */
  boolean onHost() {
    return device.equals(TensorflowRuntime.HOST);
  }

  /** Returns the state; null before the first step. */
  @Nullable TensorflowSlots slots() {
    return slots;
  }

  /** Tells all weights before a call that is about some of them. */
  void weightsAre(VectorSpec weights) {
    all = weights;
  }

  /** Forgets what {@link #weightsAre} told. */
  void callIsOver() {
    all = null;
  }

  /** All weights, in a call about these. */
  VectorSpec weightsOf(VectorSpec operands) {
    return all == null ? operands : all;
  }

  /** Checks that the state, if there is one, is that of the weights of this call. */
  void requireSpec(VectorSpec operands) {
    VectorSpec weights = weightsOf(operands);
    if (slots != null) {
      slots.spec().requireSame(weights, "the stored state", "the gradients");
    }
    if (!weights.equals(operands)) {
      weights.positions(operands, "the parameters", "the gradients");
    }
  }

  /**
   * The weights as variables that can be stepped where they are; null if they have to be copied.
   */
  @Nullable TensorflowVariables home(Vector params) {
    TensorflowVariables known = TensorflowVariables.of(params);
    boolean fits = known != null && (handle.elementwise || known.layout() == Layout.SHAPED);
    return fits && onHost() && all == null ? known : null;
  }

  /** Variables to step in place of the weights, laid out as the state. */
  TensorflowVariables work(VectorSpec operands) {
    Layout layout = slots == null ? handle.layout() : slots.layout();
    TensorflowVariables variables = work;
    if (variables == null || variables.layout() != layout) {
      if (variables != null) {
        unbind();
        selection.close();
        variables.close();
      }
      variables = TensorflowVariables.allocate(weightsOf(operands), layout, device);
      work = variables;
    }
    return variables;
  }

  /** The part of {@link #work} that the present call is about. */
  Vector workOf(VectorSpec operands) {
    return selection.of(work(operands).vector(), operands);
  }

  /**
   * Stores gradients that are not in memory, and sees to it that they, the slots and the weights
   * lie alike.
   *
   * @param home the weights, if they are variables
   * @param start what a slot may start as
   */
  Vector arrange(Vector gradients, @Nullable TensorflowVariables home, @Nullable Vector start) {
    if (gradients == boundGradients && home != null && home == boundParams) {
      return gradients;
    }
    Vector stored = gradients.isStored() ? gradients : copied(gradients);
    boolean merged = handle.elementwise && weightsOf(stored.spec()).equals(stored.spec());
    if (home != null) {
      merged &= home.layout() == Layout.MERGED;
      if (merged && !TensorflowVariables.liesMerged(stored)) {
        NativeMemory.countCopy(stored.spec().bytes());
        stored = copied(stored);
      }
    } else {
      merged &=
          (slots != null && stored == boundGradients)
              ? slots.layout() == Layout.MERGED
              : TensorflowVariables.liesMerged(stored);
    }
    slotsFor(
        stored.spec(),
        !handle.elementwise ? Layout.SHAPED : merged ? Layout.MERGED : Layout.FLAT,
        start);
    return stored;
  }

  /** The state, made at the first step. */
  private TensorflowSlots slotsFor(VectorSpec operands, Layout wanted, @Nullable Vector start) {
    TensorflowSlots state = slots;
    if (state == null) {
      VectorSpec weights = weightsOf(operands);
      if (start != null && !start.spec().equals(weights) && startsAsWeights()) {
        throw new IllegalArgumentException(
            "The first step needs a gradient of every weight, since state starts as the weights;"
                + " there are some of "
                + operands.names()
                + " only. Give zeros for the others");
      }
      TensorflowSlots made = TensorflowSlots.initial(handle, weights, wanted, device, start);
      slots = made;
      state = made;
      // A step that failed was none: the next one may be of other shapes.
      Recording.onRollBack(
          () -> {
            if (slots == made) {
              forget();
            }
          });
    } else if ((state.layout() == Layout.MERGED) != (wanted == Layout.MERGED)) {
      unbind();
      TensorflowSlots moved = state.in(wanted);
      slots = moved;
      Recording.flush();
      state.close();
      state = moved;
    }
    return state;
  }

  private boolean startsAsWeights() {
    for (int slot = 0; slot < handle.slots.size(); slot++) {
      if (handle.kind(slot) == SlotKind.FROM_PARAMETER) {
        return true;
      }
    }
    return false;
  }

  /** Gradients computed or copied into this memory. */
  private Vector copied(Vector gradients) {
    Vector memory = input.of(gradients.spec());
    memory.assign(gradients);
    return memory;
  }

  /**
   * Steps variables.
   *
   * @param params home or work
   * @param gradients as {@link #arrange} returned them
   * @param number of the step, from 1
   */
  void step(TensorflowVariables params, Vector gradients, double rate, long number) {
    Vector weights = params.vector();
    weights.beginWrite();
    try {
      gradients.beginRead();
      try {
        bind(params, gradients);
        params.push();
        NativeStatus.check(TensorflowLibrary.ob_tf_step(handle.address, rate, number));
        params.pull();
      } finally {
        gradients.endUse();
      }
    } finally {
      weights.endUse();
      Reference.reachabilityFence(params);
      Reference.reachabilityFence(gradients);
      Reference.reachabilityFence(slots);
    }
  }

  private void bind(TensorflowVariables params, Vector gradients) {
    if (params == boundParams && gradients == boundGradients) {
      return;
    }
    unbind();
    VectorSpec weights = params.vector().spec();
    long[] positions = null;
    if (!weights.equals(gradients.spec())) {
      int[] some = weights.positions(gradients.spec(), "the parameters", "the gradients");
      positions = Arrays.stream(some).asLongStream().toArray();
    }
    NativeStatus.check(
        TensorflowLibrary.ob_tf_bind(
            handle.address,
            params.address(),
            requireNonNull(slots).addresses(),
            handle.slots.size(),
            gradients.nativeTable(),
            gradients.spec().size(),
            positions));
    boundParams = params;
    boundGradients = gradients;
  }

  private void unbind() {
    boundParams = null;
    boundGradients = null;
  }

  /** Steps the rows of weights in any host memory that have a gradient. */
  void stepRows(Vector params, SparseGradients gradients, double rate, long number) {
    VectorSpec spec = params.spec();
    TensorflowSlots state =
        slotsFor(spec, slots == null ? handle.layout() : slots.layout(), params);
    params.beginWrite();
    try {
      long rows = gradients.beginRead(spec);
      try {
        NativeStatus.check(
            TensorflowLibrary.ob_tf_step_rows(
                handle.address,
                params.nativeTable(),
                state.addresses(),
                handle.slots.size(),
                rows,
                spec.size(),
                rate,
                number));
      } finally {
        gradients.endUse();
      }
    } finally {
      params.endUse();
      Reference.reachabilityFence(state);
    }
  }

  /** Zeros, to be zeros again when the call ends. */
  Vector zeros(VectorSpec spec) {
    return scattered.of(spec);
  }

  /** Goes on with a state made on a device, or with none there. */
  void replace(@Nullable TensorflowSlots state, String where) {
    forget();
    slots = state;
    device = where;
  }

  /** Frees all memory. */
  void forget() {
    unbind();
    selection.close();
    if (slots != null) {
      slots.close();
      slots = null;
    }
    if (work != null) {
      work.close();
      work = null;
    }
    input.close();
    scattered.close();
  }
}
