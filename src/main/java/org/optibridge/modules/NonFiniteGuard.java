package org.optibridge.modules;

import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.FormulaModule;
import org.optibridge.optimizer.State;
import org.optibridge.vector.Recording;
import org.optibridge.vector.Vector;

/**
 * Keeps gradients that are NaN or infinite from reaching the weights. It looks at what the stage
 * before put out, in one pass over it, and lets it through unchanged if every element is finite.
 * Otherwise the step is skipped or fails.
 *
 * <p>A skipped step has no effect at all: the weights, the state of all stages, also of those
 * before this one, and the rates' counts are what they were; {@link #skipped()} alone goes up. What
 * a framework's whole-tensor step before this stage wrote can't be taken back, so put the guard
 * ahead of those. Put it ahead of {@link GradientAccumulation} too: a sum that holds a NaN stays
 * NaN, and every step would be skipped. First in the pipeline is the cheapest place, since what the
 * stages before compute is computed once more for the look.
 */
public final class NonFiniteGuard extends FormulaModule {
  /** The registered name. */
  public static final String NAME = "nonfinite-guard";

  /** What to do about gradients that are not finite. */
  public enum Action {
    /** The step is left out and counted. */
    SKIP,
    /** An {@link ArithmeticException} names the first tensor concerned; nothing has changed. */
    FAIL;

    private static Action parse(String text) {
      for (Action action : values()) {
        if (action.toString().equals(text)) {
          return action;
        }
      }
      throw new IllegalArgumentException(
          NAME + ": 'action' must be 'skip' or 'fail', not '" + text + "'");
    }

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private final Action action;
  private final StateNumber skipped = number("skipped");

  /**
   * @param action what to do about gradients that are not finite
   */
  public NonFiniteGuard(Action action) {
    super(NAME);
    this.action = action;
  }

  static NonFiniteGuard from(ConfigReader config) {
    return new NonFiniteGuard(Action.parse(config.text("action", Action.SKIP.toString())));
  }

  /** Returns how many steps were skipped since the beginning or the last {@link #reset()}. */
  public long skipped() {
    return (long) skipped.get();
  }

  /**
   * {@inheritDoc}
   *
   * @return the gradients; null if the step is skipped
   * @throws ArithmeticException if they are not finite and the action is {@link Action#FAIL}
   */
  @Override
  protected @Nullable Vector compute(Vector gradients, @Nullable Vector params) {
    if (gradients.allFinite()) {
      return gradients;
    }
    if (action == Action.FAIL) {
      throw new ArithmeticException(
          NAME
              + ": the gradients of '"
              + firstNonFinite(gradients)
              + "' have elements that are NaN or infinite; lower the learning rate, clip the"
              + " gradients, or set 'action' to 'skip'");
    }
    Recording.rollBack();
    skipped.increment(); // after the roll back, which would undo it
    return null;
  }

  private static String firstNonFinite(Vector gradients) {
    try (Vector sums = gradients.times(0).sum().materialize()) {
      for (String name : sums.spec().names()) {
        if (sums.toDoubles(name)[0] != 0) {
          return name;
        }
      }
    }
    throw new AssertionError("a total of zeros that is not zero");
  }

  @Override
  public void setState(State state) {
    SavedCount.require(NAME, state, "skipped", null);
    super.setState(state);
  }

  @Override
  public Map<String, Object> getConfig() {
    return Map.of("action", action.toString());
  }
}
