package org.optibridge.optimizer;

/**
 * A scheduler whose rate is a function of the numbers of steps and rounds.
 *
 * <p>A subclass that keeps further counts overrides {@link #stepDone}, {@link #startRound}, {@link
 * #getState}, {@link #setState} and {@link #reset} as needed and calls super in each.
 */
public abstract class CountingScheduler implements Scheduler {
  private final String name;
  private long steps;
  private long rounds = -1;

  /**
   * @param name the registered name
   */
  protected CountingScheduler(String name) {
    this.name = name;
  }

  /**
   * The rate as a function of time.
   *
   * @param steps steps done before the one to come
   * @param rounds rounds begun before the one in progress; 0 also if none was ever begun
   * @return the rate of the step to come
   */
  protected abstract double rate(long steps, long rounds);

  /**
   * The rate of a scheduler that a subclass wraps, at a time that the subclass chooses.
   *
   * @param wrapped its own counts are neither read nor changed
   * @param steps as in {@link #rate(long, long)}
   * @param rounds likewise
   * @return the rate
   */
  protected static double rateOf(CountingScheduler wrapped, long steps, long rounds) {
    return wrapped.rate(steps, rounds);
  }

  /** Returns the number of steps done. */
  protected final long steps() {
    return steps;
  }

  /** Returns the number of rounds begun before the one in progress; -1 if none was ever begun. */
  protected final long rounds() {
    return rounds;
  }

  @Override
  public final String name() {
    return name;
  }

  @Override
  public final double rate() {
    return rate(steps, Math.max(0, rounds));
  }

  @Override
  public void stepDone() {
    steps++;
  }

  @Override
  public void startRound() {
    rounds++;
  }

  @Override
  public State getState() {
    return new State().put("steps", (double) steps).put("rounds", (double) rounds);
  }

  @Override
  public void setState(State state) {
    long savedSteps = count(state, "steps", 0);
    rounds = count(state, "rounds", -1);
    steps = savedSteps;
  }

  /**
   * Reads a count from a state.
   *
   * @param state to be read
   * @param key the entry
   * @param least the least it may be
   * @return the count
   * @throws IllegalArgumentException if there is none, or it is no whole number in range
   */
  protected final long count(State state, String key, long least) {
    double value = state.number(key);
    if (value != Math.rint(value) || value < least || value > 1L << 53) {
      throw new IllegalArgumentException(
          name + ": '" + key + "' of the state must be a count, not " + value);
    }
    return (long) value;
  }

  @Override
  public void reset() {
    steps = 0;
    rounds = -1;
  }
}
