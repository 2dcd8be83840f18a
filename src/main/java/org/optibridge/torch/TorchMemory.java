package org.optibridge.torch;

import static java.util.Objects.requireNonNull;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.optibridge.memory.NativeStatus;
import org.optibridge.vector.Recording;
import org.optibridge.vector.Selection;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorSpec;
import org.optibridge.vector.Workspace;

/**
 * The memory of a module: its state, what it computes in, and what the native side is bound to.
 *
 * <p><b>Thread-safety.</b> None; the module's handle lets one call at a time through.
 */
final class TorchMemory {
  private final TorchHandle handle;

  private @Nullable TorchSlots slots;
  // The artificial parameter, and gradients that had to be computed first.
  private final Workspace direction = new Workspace();
  private final Workspace input = new Workspace();
  // What the native views point at; equal vectors at the next step keep them.
  private @Nullable Vector boundParams;
  private @Nullable Vector boundGradients;
  // All weights, where the present call is about some of them.
  private @Nullable VectorSpec all;
  private final Selection selection = new Selection();

  TorchMemory(TorchHandle handle) {
    this.handle = handle;
  }

  /** Returns the state; null before the first step. */
  @Nullable TorchSlots slots() {
    return slots;
  }

  /** Tells all weights before a call that is about some of them. */
  void weightsAre(VectorSpec weights) {
    all = weights;
  }

  void weightsUnlessKnown(VectorSpec weights) {
    if (all == null) {
      all = weights;
    }
  }

  /** Forgets what {@link #weightsAre} told. */
  void callIsOver() {
    all = null;
  }

  /** Some of the weights, over the same memory. */
  Vector select(Vector params, VectorSpec some) {
    return selection.of(params, some);
  }

  /** The state, made at the first step; checks that it has what a step of these tensors needs. */
  TorchSlots slotsFor(VectorSpec operands) {
    VectorSpec weights = all == null ? operands : all;
    TorchSlots state = slots;
    if (state != null) {
      state.spec().requireSame(weights, "the stored state", "the gradients");
    }
    if (!weights.equals(operands)) {
      weights.positions(operands, "the parameters", "the gradients");
    }
    if (state == null) {
      weights.requireArithmetic(
          handle.options().spec().qualifiedName()
              + " steps float32 and float64 weights; use MixedPrecision, which keeps float32 ones");
      TorchSlots made = TorchSlots.initial(handle, weights);
      state = made;
      slots = made;
      // A step that failed was none: the next one may be of other shapes.
      Recording.onRollBack(
          () -> {
            if (slots == made) {
              forget();
            }
          });
    }
    return state;
  }

  /** Goes on with another state, after {@link #forget}. */
  void replace(@Nullable TorchSlots state) {
    slots = state;
  }

  /** Goes on with a state that shares what it needs of the present one, which is there. */
  void change(TorchSlots state) {
    TorchSlots former = requireNonNull(slots);
    boundParams = null;
    boundGradients = null;
    slots = state;
    former.closeExcept(state);
  }

  /** Binds operands, with the state there is, unless they are bound already. */
  void bind(Vector params, Vector gradients) {
    if (params == boundParams && gradients == boundGradients) {
      return;
    }
    TorchSlots state = requireNonNull(slots);
    boundParams = null;
    boundGradients = null;
    handle.bind(params, gradients, positions(state.spec(), params.spec()), state);
    NativeStatus.check(TorchLibrary.ob_torch_sync(handle.address));
    boundParams = params;
    boundGradients = gradients;
  }

  /** Where tensors stand among all that have state; null if they are all. */
  private static long @Nullable [] positions(VectorSpec state, VectorSpec some) {
    if (state.equals(some)) {
      return null;
    }
    int[] positions = state.positions(some, "the stored state", "the gradients");
    return Arrays.stream(positions).asLongStream().toArray();
  }

  /** The artificial parameter. */
  Vector direction(VectorSpec params) {
    return direction.of(params);
  }

  /** Gradients in memory: the caller's if they are stored, else computed into this one. */
  Vector stored(Vector gradients) {
    if (gradients.isStored()) {
      return gradients;
    }
    Vector memory = input.of(gradients.spec());
    memory.assign(gradients);
    return memory;
  }

  /** Gives all of it back. */
  void forget() {
    boundParams = null;
    boundGradients = null;
    selection.close();
    if (slots != null) {
      slots.close();
      slots = null;
    }
    direction.close();
    input.close();
  }
}
