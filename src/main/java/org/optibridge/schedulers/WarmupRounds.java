package org.optibridge.schedulers;

import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.CountingScheduler;
import org.optibridge.optimizer.State;

/**
 * Rises linearly over a number of rounds: {@code base × (t + 1) / warmup} while {@code t < warmup},
 * where t counts rounds from 0; then {@code base}, or what another scheduler says.
 *
 * <p>That other scheduler counts steps and rounds from the end of the warm-up. The rise goes to the
 * {@code base} of its config: for cosine annealing that is the lower of its two rates.
 *
 * <p>Source: Goyal et al., <i>Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour</i>, 2017,
 * with rounds of federated training in place of iterations.
 */
public final class WarmupRounds extends WarmupScheduler {
  /** The registered name. */
  public static final String NAME = "warmup-rounds";

  private long warmupSteps;

  /**
   * @param base the rate to rise to; finite, at least 0
   * @param warmup the rounds that it takes; at least 0
   * @throws IllegalArgumentException if one is out of range
   */
  public WarmupRounds(double base, long warmup) {
    super(NAME, base, warmup);
  }

  /**
   * @param base takes over after the warm-up; no warm-up itself, and with a number {@code base} in
   *     its config. Its own counts are neither read nor changed
   * @param warmup the rounds that it takes; at least 0
   * @throws IllegalArgumentException if the scheduler does not fit or warmup is out of range
   */
  public WarmupRounds(CountingScheduler base, long warmup) {
    super(NAME, base, warmup);
  }

  static WarmupRounds from(ConfigReader config) {
    return from(NAME, config, WarmupRounds::new, WarmupRounds::new);
  }

  @Override
  protected double rate(long steps, long rounds) {
    return rounds < warmup ? rising(rounds) : after(steps - warmupSteps, rounds - warmup);
  }

  @Override
  public void stepDone() {
    // Without any round begun, rates are those of round 0.
    if (Math.max(0, rounds()) < warmup) {
      warmupSteps++;
    }
    super.stepDone();
  }

  /**
   * @return {@code steps}, {@code rounds} from -1, and {@code warmup_steps}, the steps done during
   *     the warm-up
   */
  @Override
  public State getState() {
    return super.getState().put("warmup_steps", (double) warmupSteps);
  }

  @Override
  public void setState(State state) {
    long saved = count(state, "warmup_steps", 0);
    super.setState(state);
    warmupSteps = saved;
  }

  @Override
  public void reset() {
    super.reset();
    warmupSteps = 0;
  }
}
