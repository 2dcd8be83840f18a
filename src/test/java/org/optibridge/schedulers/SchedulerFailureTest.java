package org.optibridge.schedulers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.optibridge.schedulers.SchedulerFixtures.GRADIENTS;
import static org.optibridge.schedulers.SchedulerFixtures.all;
import static org.optibridge.schedulers.SchedulerFixtures.rates;
import static org.optibridge.schedulers.SchedulerFixtures.vector;
import static org.optibridge.schedulers.SchedulerFixtures.with;

import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.optibridge.optimizer.CountingScheduler;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.Scheduler;
import org.optibridge.optimizer.State;
import org.optibridge.vector.Vector;

/** Steps and states that fail leave the rates alone. */
class SchedulerFailureTest {
  @Test
  void aStateThatDoesNotFitLeavesTheRatesAlone() {
    try (Optimizer plain = with(new ExponentialDecay(0.1, 0.5));
        Optimizer warmup = with(new Warmup(0.1, 8))) {
      rates(warmup, 1, 3);
      double before = warmup.learningRate();
      try (State state = plain.getState()) {
        assertThatThrownBy(() -> warmup.setState(state))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("full_warmup_rounds");
      }
      assertThat(warmup.learningRate()).isEqualTo(before).isEqualTo(0.05);
    }
  }

  /** Throws where it is told to. */
  private static final class Fuse implements OptiModule {
    String blowsIn = "";

    @Override
    public String name() {
      return "fuse";
    }

    @Override
    public Map<String, Object> getConfig() {
      return Map.of();
    }

    @Override
    public @Nullable Vector run(Vector gradients, @Nullable Vector params) {
      blow("run");
      return blowsIn.equals("skip") ? null : gradients;
    }

    @Override
    public void afterStep(Vector params) {
      blow("afterStep");
    }

    private void blow(String place) {
      if (blowsIn.equals(place)) {
        throw new IllegalStateException("blown");
      }
    }
  }

  /** Fails to count, when the learning rate has counted already. */
  private static final class Broken extends CountingScheduler {
    boolean blows = true;

    Broken() {
      super("broken");
    }

    @Override
    protected double rate(long steps, long rounds) {
      return 0;
    }

    @Override
    public void stepDone() {
      if (blows) {
        throw new IllegalStateException("blown");
      }
      super.stepDone();
    }

    @Override
    public Map<String, Object> getConfig() {
      return Map.of();
    }
  }

  @Test
  void stepsThatFailOrAreSkippedDoNotCount() {
    for (Supplier<CountingScheduler> each : all()) {
      Scheduler twin = each.get();
      Fuse fuse = new Fuse();
      Broken decay = new Broken();
      try (Optimizer optimizer =
              Optimizer.builder().learningRate(each.get()).weightDecay(decay).module(fuse).build();
          Vector params = vector(0, 0, 0);
          Vector wrong = vector(1, 2);
          Vector gradients = vector(GRADIENTS)) {
        optimizer.startRound();
        twin.startRound();
        for (int step = 0; step < 3; step++) {
          decay.blows = false;
          assertThatThrownBy(() -> optimizer.step(params, wrong))
              .isInstanceOf(IllegalArgumentException.class);
          for (String place : List.of("run", "afterStep")) {
            fuse.blowsIn = place;
            blown(optimizer, params, gradients);
          }
          fuse.blowsIn = "skip";
          assertThat(optimizer.step(params, gradients)).isFalse();
          fuse.blowsIn = "";
          decay.blows = true;
          blown(optimizer, params, gradients);
          double[] before = params.toDoubles("w");
          decay.blows = false;
          assertThat(optimizer.learningRate()).isEqualTo(twin.rate());
          assertThat(optimizer.step(params, gradients)).isTrue();
          assertThat(before[0] - params.toDoubles("w")[0])
              .as("%s, step %d", twin.name(), step)
              .isCloseTo(twin.nextRate(), within(1e-15));
        }
        try (State actual = optimizer.getState();
            State expected = twin.getState()) {
          assertThat(actual.state("lrate")).hasToString(expected.toString());
        }
      }
    }
  }

  private static void blown(Optimizer optimizer, Vector params, Vector gradients) {
    double[] before = params.toDoubles("w");
    assertThatThrownBy(() -> optimizer.step(params, gradients))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("blown");
    assertThat(params.toDoubles("w")).containsExactly(before);
  }
}
