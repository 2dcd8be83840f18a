package org.optibridge.modules;

import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.FormulaModule;
import org.optibridge.optimizer.Require;
import org.optibridge.optimizer.State;
import org.optibridge.vector.Vector;

/**
 * Follows the weights with an exponential moving average: after each step, {@code average = decay ×
 * average + (1 - decay) × params}; the first step copies the weights. Gradients pass unchanged, so
 * training is the same with or without it.
 *
 * <p>The average often generalizes better than the last weights. Evaluate with it, train on:
 *
 * <pre>{@code
 * WeightsEma ema = new WeightsEma(0.999);
 * Optimizer optimizer = Optimizer.builder().learningRate(0.1).module(ema).module(adam).build();
 * ...
 * try (Vector average = ema.average()) {
 *   evaluate(average); // the weights of training stay where they are
 * }
 * }</pre>
 *
 * <p>Its place in the pipeline makes no difference to the average. Put it first, so that a
 * framework's module can be last and step the weights in place. Steps that another module skips,
 * and calls that only accumulate, do not move it.
 *
 * <p>Source: Polyak and Juditsky, <i>Acceleration of Stochastic Approximation by Averaging</i>,
 * 1992, with exponential weights.
 */
public final class WeightsEma extends FormulaModule {
  /** The registered name. */
  public static final String NAME = "weights-ema";

  private final double decay;
  private final StateNumber steps = number("steps");
  private final StateVector average = vector("average");

  /**
   * @param decay share of the average that is kept at each step; at least 0, below 1
   * @throws IllegalArgumentException if it is out of range
   */
  public WeightsEma(double decay) {
    super(NAME);
    this.decay = Require.share(NAME, "decay", decay);
  }

  static WeightsEma from(ConfigReader config) {
    return new WeightsEma(config.number("decay", 0.999));
  }

  @Override
  protected Vector compute(Vector gradients, @Nullable Vector params) {
    return gradients;
  }

  @Override
  public void afterStep(Vector params) {
    // Weights also move by updates from elsewhere, without a call of compute.
    enter(params.spec(), "the parameters");
    Vector mean = average.get();
    boolean first = steps.increment() == 1;
    mean.assign(first ? params : mean.times(decay).plus(params.times(1 - decay)));
  }

  /**
   * A copy of the average. Not to be asked for while the optimizer steps.
   *
   * @return the averaged weights, with their names, shapes and dtypes; a stored vector, to be
   *     closed by the caller
   * @throws IllegalStateException if there was no step yet
   */
  public Vector average() {
    if (steps.get() == 0) {
      throw new IllegalStateException(
          NAME + ": there is no average before the first step; evaluate the weights themselves");
    }
    return average.get().materialize();
  }

  @Override
  public void setState(State state) {
    SavedCount.require(NAME, state, "steps", "average");
    super.setState(state);
  }

  @Override
  public Map<String, Object> getConfig() {
    return Map.of("decay", decay);
  }
}
