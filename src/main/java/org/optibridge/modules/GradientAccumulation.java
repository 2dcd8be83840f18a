package org.optibridge.modules;

import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.FormulaModule;
import org.optibridge.optimizer.State;
import org.optibridge.vector.Vector;

/**
 * Makes one step of n batches: adds up gradients and, on every n-th call, lets their mean through.
 * Other calls end the step: the weights stay, stages after this one do not run, and the rates do
 * not count a step. Stages before this one run on each call.
 *
 * <p>Batches that wait when a round begins or training ends stay in the state. The sum is kept in
 * the gradients' dtype.
 */
public final class GradientAccumulation extends FormulaModule {
  /** The registered name. */
  public static final String NAME = "gradient-accumulation";

  private final long steps;
  private final StateNumber count = number("count");
  // Of the calls counted; stale while the count is 0.
  private final StateVector sum = vector("sum");

  /**
   * @param steps calls that make one step; at least 1
   * @throws IllegalArgumentException if it is less
   */
  public GradientAccumulation(long steps) {
    super(NAME);
    if (steps < 1) {
      throw new IllegalArgumentException(NAME + ": 'steps' must be at least 1, not " + steps);
    }
    this.steps = steps;
  }

  static GradientAccumulation from(ConfigReader config) {
    return new GradientAccumulation(config.integer("steps"));
  }

  /** Returns how many calls were added up since the last mean; below the number of a step. */
  public long pending() {
    return (long) count.get();
  }

  @Override
  protected @Nullable Vector compute(Vector gradients, @Nullable Vector params) {
    double before = count.get();
    if (before + 1 < steps) {
      Vector total = sum.get();
      total.assign(before == 0 ? gradients : total.plus(gradients));
      count.increment();
      return null;
    }
    count.set(0);
    return before == 0 ? gradients : sum.get().plus(gradients).dividedBy((double) steps);
  }

  @Override
  public void setState(State state) {
    double saved = SavedCount.require(NAME, state, "count", "sum");
    if (saved >= steps) {
      throw new IllegalArgumentException(
          NAME
              + ": the state has 'count' = "
              + (long) saved
              + ", but 'steps' is "
              + steps
              + "; restore it where 'steps' is larger");
    }
    super.setState(state);
  }

  @Override
  public Map<String, Object> getConfig() {
    return Map.of("steps", steps);
  }
}
