package org.optibridge.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * What is measured: an Adam step on one tensor.
 *
 * @param name as on the command line
 * @param n elements of the tensor
 * @param rounds how often each contestant is sampled, unless the user says otherwise
 */
record BenchItem(String name, long n, int rounds) {
  static final List<BenchItem> ALL =
      List.of(
          new BenchItem("adam-1e4", 10_000, 15),
          new BenchItem("adam-1e6", 1_000_000, 15),
          new BenchItem("adam-1e7", 10_000_000, 15),
          new BenchItem("adam-1e8", 100_000_000, 7));

  private static final long SAMPLE_NANOS = TimeUnit.MILLISECONDS.toNanos(3);
  private static final long WARM_UP_NANOS = TimeUnit.MILLISECONDS.toNanos(400);
  private static final long LEAD_NANOS = TimeUnit.MILLISECONDS.toNanos(1);
  private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(5);
  // Weights, gradients and two moments for each contestant.
  private static final int BUFFERS = 4;
  // torch's plain step needs temporaries.
  private static final int TEMPORARIES = 3;

  /**
   * The figures of one contestant, per step.
   *
   * @param contestant its name
   * @param medianMs over the rounds
   * @param minMs over the rounds
   */
  record Result(String contestant, double medianMs, double minMs) {
    Map<String, Object> toMap(BenchItem item) {
      Map<String, Object> map = new LinkedHashMap<>();
      map.put("item", item.name());
      map.put("contestant", contestant);
      map.put("n", item.n());
      map.put("median_ms", medianMs);
      map.put("min_ms", minMs);
      return map;
    }
  }

  static BenchItem of(String name) {
    for (BenchItem item : ALL) {
      if (item.name().equals(name)) {
        return item;
      }
    }
    throw new CliException(
        "unknown item '"
            + name
            + "'; known: "
            + String.join(", ", ALL.stream().map(BenchItem::name).toList()));
  }

  /** Refuses to start what would make the machine swap. */
  void requireMemory() {
    long needed = (long) (BUFFERS * BenchContestant.NAMES.size() + TEMPORARIES) * Float.BYTES * n;
    long available = availableBytes();
    if (needed > available) {
      throw new CliException(
          String.format(
              Locale.ROOT,
              "%s needs %.1f GB of memory, %.1f GB are available",
              name,
              needed / 1e9,
              available / 1e9));
    }
  }

  /** What Linux says; elsewhere nothing is known, and the allocation itself has to tell. */
  private static long availableBytes() {
    try {
      for (String line : Files.readAllLines(Path.of("/proc/meminfo"))) {
        if (line.startsWith("MemAvailable:")) {
          return 1024 * Long.parseLong(line.replaceAll("[^0-9]", ""));
        }
      }
    } catch (IOException | NumberFormatException e) {
      return Long.MAX_VALUE;
    }
    return Long.MAX_VALUE;
  }

  /** All contestants, sampled in turn; each round starts with another one. */
  List<Result> run(int samples) {
    List<BenchContestant> contestants = new ArrayList<>();
    try {
      for (String contestant : BenchContestant.NAMES) {
        contestants.add(BenchContestant.create(contestant, n));
      }
      int count = contestants.size();
      long[] repetitions = new long[count];
      for (int i = 0; i < count; i++) {
        repetitions[i] = warmUp(contestants.get(i));
      }
      double[][] times = new double[count][samples];
      for (int round = 0; round < samples; round++) {
        for (int turn = 0; turn < count; turn++) {
          int i = (round + turn) % count;
          times[i][round] = sample(contestants.get(i), repetitions[i]);
        }
      }
      List<Result> results = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        Arrays.sort(times[i]);
        double median = (times[i][(samples - 1) / 2] + times[i][samples / 2]) / 2;
        results.add(new Result(contestants.get(i).name, median, times[i][0]));
      }
      return results;
    } finally {
      contestants.forEach(BenchContestant::close);
    }
  }

  /** Lets the JIT compile; returns the number of steps that fill a sample. */
  private static long warmUp(BenchContestant contestant) {
    long steps = 1;
    long end = System.nanoTime() + WARM_UP_NANOS;
    long fastest = Long.MAX_VALUE;
    while (System.nanoTime() < end) {
      long start = System.nanoTime();
      contestant.steps(steps);
      long elapsed = Math.max(1, System.nanoTime() - start);
      fastest = Math.min(fastest, Math.max(1, elapsed / steps));
      if (elapsed < SAMPLE_NANOS) {
        steps *= 2;
      }
    }
    return Math.max(1, (SAMPLE_NANOS + fastest - 1) / fastest);
  }

  /** Milliseconds per step. */
  private static double sample(BenchContestant contestant, long repetitions) {
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
