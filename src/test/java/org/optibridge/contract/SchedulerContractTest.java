package org.optibridge.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.optibridge.optimizer.BrokenStates;
import org.optibridge.optimizer.BrokenStates.Broken;
import org.optibridge.optimizer.Registry;
import org.optibridge.optimizer.Scheduler;
import org.optibridge.optimizer.State;
import org.optibridge.optimizer.StateValues;

/** What every scheduler must do. */
class SchedulerContractTest {
  private static final int STEPS = 12;

  static List<Map.Entry<String, Map<String, Object>>> schedulers() {
    return Examples.SCHEDULERS;
  }

  private static Scheduler make(Map.Entry<String, Map<String, Object>> example) {
    return Registry.scheduler(example.getKey(), example.getValue());
  }

  /** The rates of the steps from one number up to another; every third begins a round. */
  private static List<Double> rates(Scheduler scheduler, int from, int to) {
    List<Double> rates = new ArrayList<>();
    for (int step = from; step < to; step++) {
      if (step % 3 == 0) {
        scheduler.startRound();
      }
      rates.add(scheduler.nextRate());
    }
    return rates;
  }

  private static Map<String, Object> values(Scheduler scheduler) {
    try (State state = scheduler.getState()) {
      return StateValues.of(state);
    }
  }

  @ParameterizedTest
  @MethodSource("schedulers")
  void ratesAreFiniteAndAskingChangesNothing(Map.Entry<String, Map<String, Object>> example) {
    Scheduler scheduler = make(example);
    for (int step = 0; step < STEPS; step++) {
      Map<String, Object> before = values(scheduler);
      double rate = scheduler.rate();
      assertThat(rate).isFinite().isNotNegative();
      assertThat(scheduler.rate()).isEqualTo(rate);
      assertThat(values(scheduler)).isEqualTo(before);
      assertThat(scheduler.nextRate()).isEqualTo(rate);
      assertThat(values(scheduler)).isNotEqualTo(before);
    }
  }

  @ParameterizedTest
  @MethodSource("schedulers")
  void resumesAtEveryStep(Map.Entry<String, Map<String, Object>> example) {
    List<Double> whole = rates(make(example), 0, STEPS);
    for (int stop = 0; stop <= STEPS; stop++) {
      Scheduler first = make(example);
      List<Double> parts = rates(first, 0, stop);
      Scheduler second = make(example);
      rates(second, 0, 2); // what it counted before is replaced
      try (State state = first.getState()) {
        second.setState(state);
      }
      assertThat(values(second)).isEqualTo(values(first));
      parts.addAll(rates(second, stop, STEPS));
      assertThat(parts).as("stopped at %d", stop).isEqualTo(whole);
    }
  }

  @ParameterizedTest
  @MethodSource("schedulers")
  void resetIsLikeNew(Map.Entry<String, Map<String, Object>> example) {
    Scheduler scheduler = make(example);
    Map<String, Object> fresh = values(scheduler);
    List<Double> rates = rates(scheduler, 0, STEPS);
    scheduler.reset();
    assertThat(values(scheduler)).isEqualTo(fresh);
    assertThat(rates(scheduler, 0, STEPS)).isEqualTo(rates);
  }

  @ParameterizedTest
  @MethodSource("schedulers")
  void badStateIsRefusedAndTheFormerOneKept(Map.Entry<String, Map<String, Object>> example) {
    Scheduler scheduler = make(example);
    rates(scheduler, 0, 5);
    Map<String, Object> before = values(scheduler);
    try (State good = scheduler.getState();
        State empty = new State()) {
      for (Broken broken : BrokenStates.of(good, empty)) {
        try (State state = broken.state()) {
          assertThat(catchThrowable(() -> scheduler.setState(state)))
              .as(broken.defect())
              .isInstanceOf(IllegalArgumentException.class);
          assertThat(values(scheduler)).as(broken.defect()).isEqualTo(before);
        }
      }
    }
    Scheduler untroubled = make(example);
    rates(untroubled, 0, 5);
    assertThat(rates(scheduler, 5, STEPS)).isEqualTo(rates(untroubled, 5, STEPS));
  }
}
