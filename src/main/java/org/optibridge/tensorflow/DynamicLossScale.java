package org.optibridge.tensorflow;

import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.Require;
import org.optibridge.optimizer.State;
import org.optibridge.vector.Recording;
import org.optibridge.vector.Vector;

/**
 * The factor that the loss was multiplied by, found while training, as {@code
 * keras.optimizers.LossScaleOptimizer} finds it: halved by gradients that are not finite, whose
 * step is left out, and doubled after some steps in a row with finite ones. To know in time, each
 * call begins with a pass that reads the gradients.
 */
final class DynamicLossScale {
  private static final String SCALE = "dynamic_scale";
  private static final String COUNTER = "step_counter";

  // Without settings nothing is scaled.
  private final @Nullable KerasLossScale settings;
  private float scale;
  private long counter;
  private boolean skipped;

  DynamicLossScale(@Nullable KerasLossScale settings) {
    this.settings = settings;
    reset();
  }

  void reset() {
    scale = settings == null ? 1 : (float) settings.initialScale();
    counter = 0;
    skipped = false;
  }

  /** Whether it leaves gradients as they are. */
  boolean isPlain() {
    return settings == null;
  }

  double scale() {
    return scale;
  }

  /** Whether the last gradients were not finite. */
  boolean skipped() {
    return skipped;
  }

  /**
   * Takes the factor out of gradients.
   *
   * @return an expression; null if they are not finite: then all that the pipeline has recorded of
   *     this step is undone
   * @throws ArithmeticException if the factor can't be halved any more; it stays
   */
  @Nullable Vector admit(Vector gradients) {
    if (settings == null) {
      return gradients;
    }
    skipped = !gradients.allFinite();
    if (!skipped) {
      return scale == 1 ? gradients : gradients.dividedBy((double) scale);
    }
    float lower = scale / 2;
    if (lower == 0) {
      throw new ArithmeticException(
          KerasLossScale.CLASS
              + ": the scale "
              + scale
              + " can't fall any more: the gradients are not finite whatever the scale");
    }
    Recording.rollBack();
    scale = lower;
    counter = 0;
    return null;
  }

  /** Counts a call with finite gradients. */
  void count() {
    if (settings == null) {
      return;
    }
    if (counter == settings.growthSteps() - 1) {
      // Keras goes on to infinity, from where every step is one of zeros.
      scale = Float.isFinite(scale * 2) ? scale * 2 : scale;
      counter = 0;
    } else {
      counter++;
    }
  }

  void addTo(State state) {
    if (settings != null) {
      state.put(SCALE, (double) scale).put(COUNTER, (double) counter);
    }
  }

  /** Checks that a state has what {@link #restore} takes, if it needs anything. */
  void check(State state, Set<String> known) {
    if (settings == null) {
      return;
    }
    known.add(SCALE);
    known.add(COUNTER);
    if (!state.keys().containsAll(Set.of(SCALE, COUNTER))) {
      return; // the keys are compared as a whole
    }
    float saved = (float) state.number(SCALE);
    if (!(saved > 0) || !Float.isFinite(saved)) {
      throw new IllegalArgumentException(
          KerasLossScale.CLASS + ": '" + SCALE + "' of the state is " + saved + ", not above 0");
    }
    Require.savedCount(KerasLossScale.CLASS, state, COUNTER);
  }

  void restore(State state) {
    reset();
    if (settings != null) {
      scale = (float) state.number(SCALE);
      counter = (long) state.number(COUNTER);
    }
  }
}
