package org.optibridge.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.State;
import org.optibridge.testing.Golden;
import org.optibridge.testing.NoLeaks;
import org.optibridge.vector.Vector;

/** What we do where declearn's rates have a defect; docs/quirks.md says why. */
@ExtendWith(NoLeaks.class)
class RateQuirksTest {
  // -------------------------------------------------------------------------------------

  /** The rates that were applied, one list for each round of three steps. */
  private static List<List<Double>> applied(Optimizer optimizer, int rounds) {
    List<List<Double>> all = new ArrayList<>();
    try (Vector gradients = Vector.builder().copy("w", new double[] {1}, 1).build()) {
      for (int round = 0; round < rounds; round++) {
        optimizer.startRound();
        List<Double> rates = new ArrayList<>();
        for (int step = 0; step < 3; step++) {
          try (Vector params = Vector.builder().copy("w", new double[] {0}, 1).build()) {
            optimizer.step(params, gradients);
            rates.add(-params.toDoubles("w")[0]);
          }
        }
        all.add(rates);
      }
    }
    return all;
  }

  private static Optimizer with(String scheduler, JsonNode config) {
    Map<String, Object> plain = Golden.map(config);
    return Optimizer.fromConfig(Map.of("lrate", List.of(scheduler, plain)));
  }

  static List<JsonNode> roundLevel() {
    List<JsonNode> all = new ArrayList<>();
    QuirksTest.quirk("optimizer-round-level-rates").get("observed").forEach(all::add);
    return all;
  }

  /** declearn is a step late: the second and third rates of each of its rounds are right. */
  @ParameterizedTest
  @MethodSource("roundLevel")
  void roundLevelRatesHoldFromTheFirstStep(JsonNode observed) {
    try (Optimizer optimizer = with(observed.get("scheduler").asText(), observed.get("config"))) {
      List<List<Double>> rates = applied(optimizer, 4);
      rates.forEach(round -> assertThat(round).containsOnly(round.get(0)));
      if (observed.get("raises").isNull()) {
        for (int round = 0; round < rates.size(); round++) {
          double right = observed.get("returns").get(round).get(1).asDouble();
          assertThat(rates.get(round).get(0)).isCloseTo(right, within(1e-15));
        }
      } else { // inverse-scaling divides by zero there: 0.1 / sqrt(round + 1)
        assertThat(rates.get(3).get(0)).isCloseTo(0.05, within(1e-15));
      }
    }
  }

  @Test
  void warmRestartsByRoundsRestartByRounds() {
    JsonNode observed = QuirksTest.quirk("warm-restarts-round-level").get("observed").get(0);
    try (Optimizer optimizer = with("cosine-annealing-warm-restarts", observed.get("config"))) {
      List<List<Double>> rates = applied(optimizer, 5);
      rates.forEach(round -> assertThat(round).containsOnly(round.get(0)));
      // period 3, peak halved at each restart, between 0.01 and 0.1
      double[] expected = {0.1, 0.01 + 0.09 * 0.75, 0.01 + 0.09 * 0.25, 0.05, 0.01 + 0.04 * 0.75};
      for (int round = 0; round < expected.length; round++) {
        assertThat(rates.get(round).get(0)).isCloseTo(expected[round], within(1e-15));
      }
    }
  }

  @Test
  void firstRateAfterSetStateIsTheRestoredOne() {
    Map<String, Object> config =
        Map.of("lrate", List.of("exponential-decay", Map.of("base", 1.0, "rate", 0.5)));
    JsonNode returns = QuirksTest.quirk("optimizer-set-state-rate").get("observed").get("returns");
    try (Optimizer first = Optimizer.fromConfig(config);
        Optimizer second = Optimizer.fromConfig(config)) {
      applied(first, 1);
      try (State state = first.getState()) {
        second.setState(state);
      }
      List<Double> rates = applied(second, 1).get(0);
      for (int step = 0; step < rates.size(); step++) {
        assertThat(rates.get(step)).isEqualTo(returns.get(step).get("uninterrupted").asDouble());
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"momentum", "ewma", "yogi-momentum"})
  void wholeNumbersAreRates(String name) {
    Map<String, Object> config =
        Map.of("lrate", 1, "w_decay", 0, "modules", List.of(List.of(name, Map.of("beta", 0))));
    try (Optimizer optimizer = Optimizer.fromConfig(config)) {
      assertThat(optimizer.learningRate()).isEqualTo(1);
      assertThat(applied(optimizer, 1).get(0).get(0)).isEqualTo(1);
    }
  }
}
