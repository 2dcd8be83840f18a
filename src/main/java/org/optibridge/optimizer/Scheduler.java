package org.optibridge.optimizer;

import java.util.Map;

/**
 * A rate that changes with the steps or the rounds of training: of learning or of weight decay.
 *
 * <p>A new scheduler has counted no step and is before its first round. Not thread-safe.
 */
public interface Scheduler {
  /**
   * @return the registered name, as in configs: {@code "cosine-annealing"}
   */
  String name();

  /** Returns the rate of the step to come. Asking changes nothing. */
  double rate();

  /** Counts a step. */
  void stepDone();

  /** Counts a round that begins. */
  void startRound();

  /**
   * @return the hyper-parameters, as plain JSON data
   */
  Map<String, Object> getConfig();

  /**
   * @return the counts: {@code steps}, and {@code rounds} from -1
   */
  State getState();

  /**
   * @param state from {@link #getState()}
   * @throws IllegalArgumentException if it lacks a count; nothing is changed then
   */
  void setState(State state);

  /** Forgets all counts. */
  void reset();

  /**
   * The rate of the step to come, which it counts.
   *
   * @return the rate
   */
  default double nextRate() {
    double rate = rate();
    stepDone();
    return rate;
  }
}
