package org.optibridge.cli.bench;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** Times steps of several contestants, in turn. */
final class Sampler {
  private static final long SAMPLE_NANOS = TimeUnit.MILLISECONDS.toNanos(3);
  private static final long LEAD_NANOS = TimeUnit.MILLISECONDS.toNanos(1);
  private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

  private Sampler() {}

  /**
   * Interleaved rounds, each starting with another contestant.
   *
   * @return milliseconds per step: for each contestant all samples, in ascending order
   */
  static double[][] run(List<Contestant> contestants, int samples, Duration warmUp) {
    int count = contestants.size();
    long[] repetitions = new long[count];
    for (int i = 0; i < count; i++) {
      repetitions[i] = warmUp(contestants.get(i), warmUp);
    }
    double[][] times = new double[count][samples];
    for (int round = 0; round < samples; round++) {
      for (int turn = 0; turn < count; turn++) {
        int i = (round + turn) % count;
        times[i][round] = sample(contestants.get(i), repetitions[i]);
      }
    }
    for (double[] of : times) {
      Arrays.sort(of);
    }
    return times;
  }

  /** The median of ascending numbers. */
  static double median(double[] sorted) {
    return (sorted[(sorted.length - 1) / 2] + sorted[sorted.length / 2]) / 2;
  }

  /** Lets the JIT compile; returns the number of steps that fill a sample. */
  private static long warmUp(Contestant contestant, Duration time) {
    long steps = 1;
    long end = System.nanoTime() + time.toNanos();
    long fastest = Long.MAX_VALUE;
    do {
      long start = System.nanoTime();
      contestant.steps(steps);
      long elapsed = Math.max(1, System.nanoTime() - start);
      fastest = Math.min(fastest, Math.max(1, elapsed / steps));
      if (elapsed < SAMPLE_NANOS) {
        steps *= 2;
      }
    } while (System.nanoTime() < end);
    return Math.max(1, (SAMPLE_NANOS + fastest - 1) / fastest);
  }

  /** Milliseconds per step. */
  private static double sample(Contestant contestant, long repetitions) {
    // Threads of the one before that still spin go to sleep, then this one's wake up.
    LockSupport.parkNanos(PAUSE_NANOS);
    long lead = System.nanoTime();
    do {
      contestant.steps(1);
    } while (System.nanoTime() - lead < LEAD_NANOS);
    long start = System.nanoTime();
    contestant.steps(repetitions);
    return (System.nanoTime() - start) / 1e6 / repetitions;
  }
}
