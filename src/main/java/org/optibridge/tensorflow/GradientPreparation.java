package org.optibridge.tensorflow;

import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.State;
import org.optibridge.vector.Selection;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorSpec;

/**
 * What Keras does to gradients before the step: takes out the loss scale, accumulates, clips. All
 * of it is vector arithmetic, so that it becomes part of the sweep that stores the gradients.
 */
final class GradientPreparation implements AutoCloseable {
  static final String ACCUMULATOR = "gradient_accumulator";

  private final double lossScale;
  private final long every;
  private final double clipNorm;
  private final double globalClipNorm;
  private final double clipValue;
  private @Nullable Vector accumulator;
  private final Selection selection = new Selection();

  GradientPreparation(KerasOptimizer optimizer) {
    this.lossScale = optimizer.number("loss_scale_factor");
    this.every = Math.max(1, (long) optimizer.number("gradient_accumulation_steps"));
    this.clipNorm = optimizer.number("clipnorm");
    this.globalClipNorm = optimizer.number("global_clipnorm");
    this.clipValue = optimizer.number("clipvalue");
  }

  /** How many calls make one step. */
  long every() {
    return every;
  }

  /** Whether the call of this number, from 0, is a step. */
  boolean isStep(long call) {
    return (call + 1) % every == 0;
  }

  /** Whether it leaves gradients as they are. */
  boolean isPlain() {
    return lossScale == 0 && every == 1 && clipNorm <= 0 && globalClipNorm <= 0 && clipValue <= 0;
  }

  /**
   * Adds gradients that are not due yet.
   *
   * @param all the weights, of which the gradients may be of some only
   */
  void accumulate(Vector gradients, VectorSpec all) {
    Vector sum = accumulator(gradients.spec(), all);
    sum.assign(sum.plus(scaled(gradients)));
  }

  /** The gradients of a step; to be stored before {@link #stepDone()}. */
  Vector prepare(Vector gradients, VectorSpec all) {
    Vector scaled = scaled(gradients);
    if (every > 1) {
      scaled = scaled.plus(accumulator(gradients.spec(), all)).dividedBy((double) every);
    }
    return clipped(scaled);
  }

  private Vector scaled(Vector gradients) {
    return lossScale == 0 ? gradients : gradients.dividedBy(lossScale);
  }

  /** Limits of zero or less clip nothing. */
  private Vector clipped(Vector gradients) {
    if (clipNorm > 0) {
      Vector norms = gradients.sumOfSquares().sqrt().maximum(clipNorm);
      return gradients.times(norms.reciprocal().times(clipNorm));
    }
    if (globalClipNorm > 0) {
      return gradients.times(
          gradients.norm().maximum(globalClipNorm).reciprocal().times(globalClipNorm));
    }
    return clipValue > 0 ? gradients.maximum(-clipValue).minimum(clipValue) : gradients;
  }

  void stepDone() {
    if (accumulator != null) {
      accumulator.fill(0);
    }
  }

  private Vector accumulator(VectorSpec some, VectorSpec all) {
    Vector sum = accumulator;
    if (sum == null) {
      sum = Vector.allocate(all);
      accumulator = sum;
    }
    return selection.of(sum, some);
  }

  void addTo(State state) {
    if (accumulator != null) {
      state.put(ACCUMULATOR, accumulator.materialize());
    }
  }

  /** Takes over a saved sum, or none. */
  void restore(@Nullable Vector saved) {
    close();
    accumulator = saved == null ? null : saved.materialize();
  }

  @Override
  public void close() {
    selection.close();
    if (accumulator != null) {
      accumulator.close();
      accumulator = null;
    }
  }
}
