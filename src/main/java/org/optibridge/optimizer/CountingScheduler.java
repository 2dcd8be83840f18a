package org.optibridge.optimizer;

/** A scheduler whose rate is a function of the numbers of steps and rounds. */
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

  @Override
  public final String name() {
    return name;
  }

  @Override
  public final double rate() {
    return rate(steps, Math.max(0, rounds));
  }

  @Override
  public final void stepDone() {
    steps++;
  }

  @Override
  public final void startRound() {
    rounds++;
  }

  @Override
  public final State getState() {
    return new State().put("steps", (double) steps).put("rounds", (double) rounds);
  }

  @Override
  public final void setState(State state) {
    long savedSteps = count(state, "steps", 0);
    rounds = count(state, "rounds", -1);
    steps = savedSteps;
  }

  private long count(State state, String key, long least) {
    double value = state.number(key);
    if (value != Math.rint(value) || value < least || value > 1L << 53) {
      throw new IllegalArgumentException(
          name + ": '" + key + "' of the state must be a count, not " + value);
    }
    return (long) value;
  }

  @Override
  public final void reset() {
    steps = 0;
    rounds = -1;
  }
}
