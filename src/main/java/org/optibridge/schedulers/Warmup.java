package org.optibridge.schedulers;

import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.CountingScheduler;
import org.optibridge.optimizer.State;

/**
 * Rises linearly over a number of steps: {@code base × (t + 1) / warmup} while {@code t < warmup},
 * where t counts steps from 0; then {@code base}, or what another scheduler says.
 *
 * <p>That other scheduler counts steps from the end of the warm-up, and rounds from the one in
 * which the warm-up ends, which is its round 0. The rise goes to the {@code base} of its config:
 * for cosine annealing that is the lower of its two rates.
 *
 * <p>Source: Goyal et al., <i>Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour</i>, 2017.
 */
public final class Warmup extends WarmupScheduler {
  /** The registered name. */
  public static final String NAME = "warmup";

  // Rounds begun during the warm-up, less one: the index of the last of them.
  private long fullWarmupRounds = -1;

  /**
   * @param base the rate to rise to; finite, at least 0
   * @param warmup the steps that it takes; at least 0
   * @throws IllegalArgumentException if one is out of range
   */
  public Warmup(double base, long warmup) {
    super(NAME, base, warmup);
  }

  /**
   * @param base takes over after the warm-up; no warm-up itself, and with a number {@code base} in
   *     its config. Its own counts are neither read nor changed
   * @param warmup the steps that it takes; at least 0
   * @throws IllegalArgumentException if the scheduler does not fit or warmup is out of range
   */
  public Warmup(CountingScheduler base, long warmup) {
    super(NAME, base, warmup);
  }

  static Warmup from(ConfigReader config) {
    return from(NAME, config, Warmup::new, Warmup::new);
  }

  @Override
  protected double rate(long steps, long rounds) {
    return steps < warmup
        ? rising(steps)
        : after(steps - warmup, rounds - Math.max(0, fullWarmupRounds));
  }

  @Override
  public void startRound() {
    if (steps() < warmup) {
      fullWarmupRounds++;
    }
    super.startRound();
  }

  /**
   * @return {@code steps}, {@code rounds} from -1, and {@code full_warmup_rounds}, the index of the
   *     last round that began during the warm-up, or -1
   */
  @Override
  public State getState() {
    return super.getState().put("full_warmup_rounds", (double) fullWarmupRounds);
  }

  @Override
  public void setState(State state) {
    long saved = count(state, "full_warmup_rounds", -1);
    super.setState(state);
    fullWarmupRounds = saved;
  }

  @Override
  public void reset() {
    super.reset();
    fullWarmupRounds = -1;
  }
}
