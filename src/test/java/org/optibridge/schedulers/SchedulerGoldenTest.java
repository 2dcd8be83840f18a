package org.optibridge.schedulers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.optibridge.optimizer.Registry;
import org.optibridge.optimizer.Scheduler;
import org.optibridge.optimizer.State;
import org.optibridge.state.ConfigJson;
import org.optibridge.testing.Golden;
import org.optibridge.testing.Golden.Case;

/** Rates and states as declearn recorded them. */
class SchedulerGoldenTest {
  static List<Case> cases() {
    return Golden.cases("schedulers.json");
  }

  private static Scheduler make(Case recorded) {
    return Registry.scheduler(
        recorded.get("scheduler").asText(), Golden.map(recorded.get("config")));
  }

  /** These cases have no dtype: their own tolerance, with a limit. */
  private static double rtol(Case recorded) {
    return Math.min(recorded.get("tolerance").get("rtol").asDouble(), 1e-14);
  }

  private static void check(Case recorded, double actual, JsonNode expected, String what) {
    double value = expected.asDouble();
    double off = recorded.atol() + rtol(recorded) * Math.abs(value);
    assertThat(actual).as(what).isCloseTo(value, within(off));
  }

  private static void checkState(Scheduler scheduler, JsonNode expected) {
    try (State state = scheduler.getState()) {
      assertThat(state.keys()).containsExactlyInAnyOrderElementsOf(keys(expected));
      for (String key : state.keys()) {
        assertThat(state.number(key)).as(key).isEqualTo(expected.get(key).asDouble());
      }
    }
  }

  private static List<String> keys(JsonNode object) {
    return object.properties().stream().map(Map.Entry::getKey).toList();
  }

  /** All eleven have a case; a scheduler added later must bring its own. */
  @Test
  void everySchedulerIsRecorded() {
    assertThat(cases().stream().map(c -> c.get("scheduler").asText()).distinct())
        .containsExactlyInAnyOrderElementsOf(new CoreSchedulers().schedulers().keySet())
        .hasSize(11);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void ratesAndStates(Case recorded) {
    Scheduler scheduler = make(recorded);
    int rounds = 0;
    int call = 0;
    for (JsonNode expected : recorded.get("calls")) {
      if (expected.isTextual()) {
        if (rounds++ == 3) {
          checkState(scheduler, recorded.get("state_after_round_3"));
        }
        scheduler.startRound();
      } else {
        check(recorded, scheduler.rate(), expected, "rate before call " + call);
        check(recorded, scheduler.nextRate(), expected, "call " + call);
      }
      call++;
    }
    assertThat(rounds).isGreaterThan(3);
    checkState(scheduler, recorded.get("state"));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void configRoundTrips(Case recorded) {
    Scheduler scheduler = make(recorded);
    String json = ConfigJson.write(scheduler.getConfig());
    Map<String, Object> given = Golden.map(recorded.get("config"));
    assertThat(ConfigJson.read(json)).isEqualTo(given);
    Scheduler again = Registry.scheduler(scheduler.name(), ConfigJson.read(json));
    assertThat(again.getConfig()).isEqualTo(scheduler.getConfig());
    // The object's own config, which holds longs, is as good as one from JSON.
    Scheduler direct = Registry.scheduler(scheduler.name(), scheduler.getConfig());
    for (int i = 0; i < 20; i++) {
      if (i % 3 == 0) {
        List.of(scheduler, again, direct).forEach(Scheduler::startRound);
      }
      double rate = scheduler.nextRate();
      assertThat(again.nextRate()).isEqualTo(rate);
      assertThat(direct.nextRate()).isEqualTo(rate);
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void stateMovesIntoAFreshScheduler(Case recorded) {
    int size = recorded.get("calls").size();
    for (int cut = 0; cut <= size; cut++) {
      Scheduler scheduler = make(recorded);
      for (int call = 0; call < size; call++) {
        if (call == cut) {
          Scheduler fresh = make(recorded);
          fresh.startRound();
          fresh.nextRate();
          try (State state = scheduler.getState()) {
            fresh.setState(state);
          }
          scheduler = fresh;
        }
        JsonNode expected = recorded.get("calls").get(call);
        if (expected.isTextual()) {
          scheduler.startRound();
        } else {
          check(recorded, scheduler.nextRate(), expected, "cut " + cut + ", call " + call);
        }
      }
      checkState(scheduler, recorded.get("state"));
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void resetForgetsAllCounts(Case recorded) {
    Scheduler scheduler = make(recorded);
    for (int pass = 0; pass < 2; pass++) {
      for (JsonNode expected : recorded.get("calls")) {
        if (expected.isTextual()) {
          scheduler.startRound();
        } else {
          check(recorded, scheduler.nextRate(), expected, "pass " + pass);
        }
      }
      scheduler.reset();
    }
  }
}
