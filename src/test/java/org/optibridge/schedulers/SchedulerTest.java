package org.optibridge.schedulers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.optibridge.optimizer.CountingScheduler;
import org.optibridge.optimizer.Registry;
import org.optibridge.optimizer.Scheduler;
import org.optibridge.optimizer.State;
import org.optibridge.state.ConfigJson;

/** What the recorded cases leave open: rounds, warm-ups and defaults. */
class SchedulerTest {
  private static List<Double> rates(Scheduler scheduler, int rounds, int stepsPerRound) {
    List<Double> rates = new ArrayList<>();
    for (int round = 0; round < rounds; round++) {
      scheduler.startRound();
      for (int step = 0; step < stepsPerRound; step++) {
        rates.add(scheduler.nextRate());
      }
    }
    return rates;
  }

  private static void same(List<Double> actual, double... expected) {
    assertThat(actual).hasSize(expected.length);
    for (int i = 0; i < expected.length; i++) {
      assertThat(actual.get(i)).as("rate %d", i).isCloseTo(expected[i], within(1e-15));
    }
  }

  @Test
  void warmRestartsByRoundsRestartByRounds() {
    // declearn: 0.1, 0.04, 0.01375, 0.01, ... where cycles end by steps
    Scheduler scheduler = new CosineAnnealingWarmRestarts(0.01, 0.1, 3, 0.5, false);
    same(
        rates(scheduler, 7, 2),
        0.1,
        0.1,
        0.0775,
        0.0775,
        0.0325,
        0.0325, // from 0.1
        0.05,
        0.05,
        0.04,
        0.04,
        0.02,
        0.02, // from 0.05
        0.025,
        0.025);
  }

  @Test
  void roundsDoNotMoveSchedulesBySteps() {
    List<Double> one = rates(new CosineAnnealingWarmRestarts(0.01, 0.1, 4, 0.9), 1, 12);
    assertThat(rates(new CosineAnnealingWarmRestarts(0.01, 0.1, 4, 0.9), 4, 3)).isEqualTo(one);
  }

  @Test
  void aPeakBelowBaseRisesToBase() {
    Scheduler scheduler = new CosineAnnealingWarmRestarts(0.1, 0.2, 2, 0.25);
    same(rates(scheduler, 1, 5), 0.2, 0.15, 0.05, 0.075, 0.0125);
  }

  @Test
  void powersNeedNotBeWhole() {
    PolynomialDecay scheduler = new PolynomialDecay(0.1, 0.5, 4);
    assertThat(scheduler.getConfig()).containsEntry("power", 0.5);
    same(rates(scheduler, 1, 5), 0.1, 0.1 * Math.sqrt(0.75), 0.1 * Math.sqrt(0.5), 0.05, 0);
    assertThat(new PolynomialDecay(0.1, 3, 4).getConfig()).containsEntry("power", 3L);
  }

  @Test
  void beforeAnyRoundTheRateIsThatOfRoundZero() {
    for (Scheduler scheduler :
        List.of(
            new ExponentialDecay(0.1, 0.5, false),
            new InverseScaling(0.1, 0.5, false),
            new PiecewiseDecay(0.1, 0.5, 1, false),
            new CosineAnnealing(0.01, 0.1, 3, false),
            new WarmupRounds(0.2, 2))) {
      assertThat(scheduler.nextRate()).as(scheduler.name()).isEqualTo(0.1);
      scheduler.startRound();
      assertThat(scheduler.nextRate()).as(scheduler.name()).isEqualTo(0.1);
      scheduler.startRound();
      assertThat(scheduler.nextRate()).as(scheduler.name()).isNotEqualTo(0.1);
    }
  }

  @Test
  void theRoundInWhichWarmupEndsIsRoundZeroOfTheScheduler() {
    CountingScheduler base = new ExponentialDecay(0.8, 0.5, false);
    // in the middle of a round, and with its last step
    same(rates(new Warmup(base, 3), 4, 2), 0.8 / 3, 1.6 / 3, 0.8, 0.8, 0.4, 0.4, 0.2, 0.2);
    same(rates(new Warmup(base, 2), 3, 2), 0.4, 0.8, 0.4, 0.4, 0.2, 0.2);
    // without any round while it lasts
    Scheduler late = new Warmup(base, 2);
    for (double expected : new double[] {0.4, 0.8, 0.8}) {
      assertThat(late.nextRate()).isEqualTo(expected);
    }
    same(rates(late, 2, 1), 0.8, 0.4);
  }

  @Test
  void warmupRoundsCountsTheStepsOfItsRoundsOnly() {
    Scheduler scheduler = new WarmupRounds(new LinearDecay(0.8, 0.25), 2);
    assertThat(scheduler.nextRate()).isEqualTo(0.4); // before any round
    same(rates(scheduler, 1, 3), 0.4, 0.4, 0.4);
    same(rates(scheduler, 1, 1), 0.8);
    same(rates(scheduler, 2, 3), 0.8, 0.6, 0.4, 0.2, 0, 0);
  }

  @Test
  void noWarmupIsTheSchedulerAlone() {
    for (boolean stepLevel : new boolean[] {true, false}) {
      CountingScheduler base = new ExponentialDecay(0.8, 0.5, stepLevel);
      List<Double> alone = rates(new ExponentialDecay(0.8, 0.5, stepLevel), 3, 2);
      assertThat(rates(new Warmup(base, 0), 3, 2)).isEqualTo(alone);
      assertThat(rates(new WarmupRounds(base, 0), 3, 2)).isEqualTo(alone);
      try (State state = base.getState()) {
        assertThat(state.number("steps")).isZero();
        assertThat(state.number("rounds")).isEqualTo(-1);
      }
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "cosine-annealing | {'base':0.1,'max_lr':1,'duration':5} | step_level | true",
        "cosine-annealing-warm-restarts | {'base':0.1,'max_lr':1,'period':5} | t_mult | 1.0",
        "cosine-annealing-warm-restarts | {'base':0.1,'max_lr':1,'period':5} | step_level | true",
        "cyclic-triangular | {'base':0.1,'max_lr':1,'stepsize':5} | decay | false",
        "exponential-decay | {'base':0.1,'rate':0.5} | step_level | true",
        "inverse-scaling | {'base':0.1,'rate':0.5} | step_level | true",
        "linear-decay | {'base':0.1,'rate':0.5} | step_level | true",
        "polynomial-decay | {'base':0.1,'power':2,'limit':5} | step_level | true",
        "piecewise-decay | {'base':0.1,'rate':0.5,'step_size':5} | step_level | true",
      })
  void defaults(String name, String config, String key, String expected) {
    Scheduler scheduler = Registry.scheduler(name, ConfigJson.read(config.replace('\'', '"')));
    assertThat(scheduler.getConfig().get(key)).hasToString(expected);
  }
}
