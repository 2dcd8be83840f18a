package org.optibridge.schedulers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.optibridge.schedulers.SchedulerFixtures.GRADIENTS;
import static org.optibridge.schedulers.SchedulerFixtures.all;
import static org.optibridge.schedulers.SchedulerFixtures.near;
import static org.optibridge.schedulers.SchedulerFixtures.rates;
import static org.optibridge.schedulers.SchedulerFixtures.vector;
import static org.optibridge.schedulers.SchedulerFixtures.with;

import java.util.List;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.optibridge.optimizer.CountingScheduler;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.Scheduler;
import org.optibridge.optimizer.State;
import org.optibridge.optimizer.WeightDecay;
import org.optibridge.state.ConfigJson;
import org.optibridge.vector.Vector;

/** Schedulers as learning rate and weight decay of an optimizer. */
class SchedulerInOptimizerTest {
  @Test
  void learningRateAndWeightDecayMoveWithEachStep() {
    // lr 0.1, 0.05, 0.025; decay 0.5, 0.25, 0; params += -lr × g - decay × params
    double[] expected = {4, -8, 2};
    double[] lr = {0.1, 0.05, 0.025};
    double[] decay = {0.5, 0.25, 0};
    try (Optimizer optimizer =
            Optimizer.builder()
                .learningRate(new ExponentialDecay(0.1, 0.5))
                .weightDecay(new LinearDecay(0.5, 0.5))
                .build();
        Vector params = vector(expected);
        Vector gradients = vector(GRADIENTS)) {
      optimizer.startRound();
      for (int step = 0; step < 3; step++) {
        assertThat(optimizer.learningRate()).isEqualTo(lr[step]);
        assertThat(optimizer.weightDecay()).isEqualTo(decay[step]);
        optimizer.step(params, gradients);
        for (int i = 0; i < expected.length; i++) {
          expected[i] += -lr[step] * GRADIENTS[i] - decay[step] * expected[i];
        }
        assertThat(params.toDoubles("w")).containsExactly(expected, within(1e-15));
      }
    }
  }

  @Test
  void weightDecayTimesRateUsesBothSchedules() {
    try (Optimizer optimizer =
            Optimizer.builder()
                .learningRate(new ExponentialDecay(0.5, 0.5))
                .weightDecay(new InverseScaling(0.5, 1))
                .weightDecayMode(WeightDecay.TIMES_RATE)
                .build();
        Vector params = vector(8, 16);
        Vector gradients = vector(0, 0)) {
      optimizer.step(params, gradients); // × (1 - 0.5 × 0.5)
      optimizer.step(params, gradients); // × (1 - 0.25 × 0.25)
      assertThat(params.toDoubles("w")).containsExactly(5.625, 11.25);
    }
  }

  @Test
  void ratesByRoundsAreRightFromTheFirstStep() {
    // declearn uses the rate of the round before in each round's first step.
    rounds(() -> new ExponentialDecay(0.1, 0.5, false), 0.1, 0.05, 0.025);
    rounds(() -> new LinearDecay(0.1, 0.1, false), 0.1, 0.09, 0.08);
    rounds(() -> new InverseScaling(0.1, 0.5, false), 0.1, 0.1 / Math.sqrt(2), 0.1 / Math.sqrt(3));
    rounds(() -> new PolynomialDecay(0.1, 2, 5, false), 0.1, 0.064, 0.036);
    rounds(() -> new PiecewiseDecay(0.1, 0.5, 2, false), 0.1, 0.1, 0.05);
    rounds(() -> new CosineAnnealing(0.01, 0.1, 4, false), 0.1, 0.08681980515339464, 0.055);
    rounds(() -> new CosineAnnealingWarmRestarts(0.01, 0.1, 2, 0.5, false), 0.1, 0.055, 0.05);
    rounds(() -> new WarmupRounds(0.1, 2), 0.05, 0.1, 0.1);
  }

  private static void rounds(Supplier<Scheduler> scheduler, double a, double b, double c) {
    try (Optimizer optimizer = with(scheduler.get())) {
      near(rates(optimizer, 3, 3), a, a, a, b, b, b, c, c, c);
    }
    try (Optimizer optimizer = with(scheduler.get())) { // a step before any round is of round 0
      try (Vector params = vector(0, 0, 0);
          Vector gradients = vector(GRADIENTS)) {
        optimizer.step(params, gradients);
        assertThat(params.toDoubles("w")[0]).isCloseTo(-a, within(1e-15));
      }
      near(rates(optimizer, 3, 1), a, b, c);
    }
  }

  @Test
  void warmupTheCosineAsDeclearnRecordedIt() {
    try (Optimizer optimizer = with(new Warmup(new CosineAnnealing(0.01, 0.1, 4), 3))) {
      near(
          rates(optimizer, 3, 3),
          0.0033333333333333335,
          0.006666666666666667,
          0.01,
          0.1,
          0.08681980515339464,
          0.05500000000000001,
          0.023180194846605363,
          0.01,
          0.01);
    }
  }

  @Test
  void theFirstRateAfterSetStateIsRight() {
    // declearn goes on with the rate of step 0.
    for (Supplier<CountingScheduler> each : all()) {
      try (Optimizer whole = with(each.get());
          Optimizer first = with(each.get());
          Optimizer second = with(each.get())) {
        List<Double> expected = rates(whole, 5, 2);
        List<Double> actual = rates(first, 3, 2);
        rates(second, 1, 1);
        try (State state = first.getState()) {
          second.setState(state);
        }
        assertThat(second.learningRate()).isEqualTo(first.learningRate());
        actual.addAll(rates(second, 2, 2));
        assertThat(actual).as(each.get().name()).isEqualTo(expected);
      }
    }
  }

  @Test
  void configsRoundTripThroughJson() {
    for (Supplier<CountingScheduler> each : all()) {
      try (Optimizer optimizer =
          Optimizer.builder().learningRate(each.get()).weightDecay(each.get()).build()) {
        String json = ConfigJson.write(optimizer.getConfig());
        try (Optimizer again = Optimizer.fromConfig(ConfigJson.read(json))) {
          assertThat(ConfigJson.write(again.getConfig())).isEqualTo(json);
          assertThat(rates(again, 4, 3)).isEqualTo(rates(optimizer, 4, 3));
          assertThat(again.weightDecay()).isEqualTo(optimizer.weightDecay());
        }
      }
    }
  }

  @Test
  void resetStartsTheScheduleAnew() {
    for (Supplier<CountingScheduler> each : all()) {
      try (Optimizer optimizer = with(each.get())) {
        List<Double> expected = rates(optimizer, 4, 2);
        optimizer.reset();
        assertThat(rates(optimizer, 4, 2)).as(each.get().name()).isEqualTo(expected);
      }
    }
  }

  @Test
  void ratesCanBeChangedByHandBetweenSteps() {
    try (Optimizer optimizer = with(new ExponentialDecay(0.1, 0.5))) {
      near(rates(optimizer, 1, 2), 0.1, 0.05);
      optimizer.setLearningRate(0.3);
      near(rates(optimizer, 1, 2), 0.3, 0.3);
      assertThat(optimizer.getConfig()).containsEntry("lrate", 0.3);
      optimizer.setLearningRate(new LinearDecay(0.8, 0.25));
      near(rates(optimizer, 1, 3), 0.8, 0.6, 0.4);
      optimizer.setWeightDecay(new PiecewiseDecay(0.5, 0.5, 1));
      assertThat(optimizer.weightDecay()).isEqualTo(0.5);
      near(rates(optimizer, 1, 1), 0.2); // weights are zero: decay does not show
      assertThat(optimizer.weightDecay()).isEqualTo(0.25);
    }
  }

  @Test
  void computedUpdatesCountAsSteps() {
    try (Optimizer optimizer = with(new ExponentialDecay(0.1, 0.5));
        Vector params = vector(0, 0, 0);
        Vector gradients = vector(GRADIENTS);
        Vector first = optimizer.computeUpdates(params, gradients);
        Vector second = optimizer.computeUpdates(params, gradients)) {
      assertThat(first.toDoubles("w")).containsExactly(-0.1, 0.2, -0.05);
      assertThat(second.toDoubles("w")).containsExactly(-0.05, 0.1, -0.025);
      optimizer.applyUpdates(params, first);
      assertThat(optimizer.learningRate()).isEqualTo(0.025);
    }
  }
}
