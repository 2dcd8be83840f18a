package org.optibridge.schedulers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.optibridge.optimizer.CountingScheduler;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.Scheduler;
import org.optibridge.vector.Vector;

/** What the tests of schedulers in an optimizer share. */
final class SchedulerFixtures {
  private SchedulerFixtures() {}

  static final double[] GRADIENTS = {1, -2, 0.5};

  static Vector vector(double... values) {
    return Vector.builder().copy("w", values, values.length).build();
  }

  /** The rates that an optimizer without modules really applies, one for each step. */
  static List<Double> rates(Optimizer optimizer, int rounds, int stepsPerRound) {
    List<Double> rates = new ArrayList<>();
    try (Vector gradients = vector(GRADIENTS)) {
      for (int round = 0; round < rounds; round++) {
        optimizer.startRound();
        for (int step = 0; step < stepsPerRound; step++) {
          try (Vector params = vector(0, 0, 0)) {
            optimizer.step(params, gradients);
            rates.add(-params.toDoubles("w")[0]);
          }
        }
      }
    }
    return rates;
  }

  static void near(List<Double> actual, double... expected) {
    assertThat(actual).hasSize(expected.length);
    for (int i = 0; i < expected.length; i++) {
      assertThat(actual.get(i)).as("rate %d", i).isCloseTo(expected[i], within(1e-15));
    }
  }

  static Optimizer with(Scheduler learningRate) {
    return Optimizer.builder().learningRate(learningRate).build();
  }

  static List<Supplier<CountingScheduler>> all() {
    return List.of(
        () -> new CosineAnnealing(0.01, 0.1, 7),
        () -> new CosineAnnealingWarmRestarts(0.01, 0.1, 2, 0.9, false),
        () -> new CyclicTriangular(0.1, 0.5, 2, true),
        () -> new CyclicExpRange(0.1, 0.5, 3, 0.9),
        () -> new ExponentialDecay(0.1, 0.8),
        () -> new InverseScaling(0.1, 0.5),
        () -> new LinearDecay(0.1, 0.05, false),
        () -> new PolynomialDecay(0.1, 1.5, 11),
        () -> new PiecewiseDecay(0.1, 0.5, 3),
        () -> new Warmup(new ExponentialDecay(0.1, 0.5, false), 4),
        () -> new WarmupRounds(new LinearDecay(0.1, 0.1), 2));
  }
}
