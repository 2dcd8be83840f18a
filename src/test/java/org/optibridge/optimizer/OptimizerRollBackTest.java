package org.optibridge.optimizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.optibridge.modules.Adam;
import org.optibridge.modules.GradientAccumulation;
import org.optibridge.modules.Momentum;
import org.optibridge.modules.NonFiniteGuard;
import org.optibridge.modules.WeightsEma;
import org.optibridge.regularizers.FedProx;
import org.optibridge.testing.Vectors;
import org.optibridge.vector.Vector;

/** Steps that fail or are skipped leave everything as it was. */
class OptimizerRollBackTest {
  private static final class Halving extends CountingScheduler {
    Halving() {
      super("halving");
    }

    @Override
    protected double rate(long steps, long rounds) {
      return Math.pow(0.5, (double) steps);
    }

    @Override
    public Map<String, Object> getConfig() {
      return Map.of();
    }
  }

  /** Counts calls and throws where it is told to. */
  private static final class Failing extends FormulaModule {
    private final StateNumber calls = number("calls");
    private boolean inRun;
    private boolean afterStep;

    Failing() {
      super("failing");
    }

    @Override
    protected Vector compute(Vector gradients, @Nullable Vector params) {
      calls.increment();
      if (inRun) {
        throw new UnsupportedOperationException("no more of this");
      }
      return gradients;
    }

    @Override
    public void afterStep(Vector params) {
      if (afterStep) {
        throw new UnsupportedOperationException("no more of this");
      }
    }

    @Override
    public Map<String, Object> getConfig() {
      return Map.of();
    }
  }

  private static List<OptiModule> stages() {
    return new ArrayList<>(
        List.of(
            new WeightsEma(0.5),
            new Momentum(0.9, true, false),
            new Adam(0.9, 0.99, true, 1e-7, false)));
  }

  private static Optimizer optimizer(List<OptiModule> modules) {
    OptimizerBuilder builder =
        Optimizer.builder()
            .learningRate(new Halving())
            .weightDecay(new Halving())
            .regularizer(new FedProx(0.1));
    modules.forEach(builder::module);
    return builder.build();
  }

  private record Snapshot(List<Double> weights, Map<String, Object> state, double rate) {
    static Snapshot of(Optimizer optimizer, Vector params) {
      List<Double> weights = new ArrayList<>();
      for (double weight : params.flatten()) {
        weights.add(weight);
      }
      return new Snapshot(weights, StateValues.of(optimizer), optimizer.learningRate());
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void failureOfALateModuleChangesNothing(boolean afterStep) {
    Failing failing = new Failing();
    List<OptiModule> modules = stages();
    modules.add(failing);
    try (Optimizer optimizer = optimizer(modules);
        Optimizer untroubled = optimizer(stages());
        Vector params = Vectors.wb(1, 2, 3, 4);
        Vector others = Vectors.wb(1, 2, 3, 4);
        Vector gradients = Vectors.wb(0.1f, -0.2f, 0.3f, -0.4f)) {
      for (int i = 0; i < 3; i++) {
        // The first time around, nothing has state yet.
        Snapshot before = Snapshot.of(optimizer, params);
        failing.inRun = !afterStep;
        failing.afterStep = afterStep;
        for (int again = 0; again < 2; again++) {
          assertThatThrownBy(() -> optimizer.step(params, gradients))
              .isInstanceOf(UnsupportedOperationException.class);
        }
        assertThat(Snapshot.of(optimizer, params)).isEqualTo(before);
        failing.inRun = false;
        failing.afterStep = false;
        assertThat(optimizer.step(params, gradients)).isTrue();
        untroubled.step(others, gradients);
        assertThat(params.flatten()).isEqualTo(others.flatten());
        assertThat(optimizer.learningRate()).isEqualTo(Math.pow(0.5, i + 1));
      }
      assertThat(StateValues.of(optimizer))
          .containsEntry("modules.2:adam.steps", 3.0)
          .containsEntry("modules.3:failing.calls", 3.0)
          .containsAllEntriesOf(StateValues.of(untroubled));
    }
  }

  @Test
  void failedFirstStepDoesNotFixTheShapes() {
    Failing failing = new Failing();
    List<OptiModule> modules = stages();
    modules.add(failing);
    failing.inRun = true;
    try (Optimizer optimizer = optimizer(modules);
        Vector params = Vectors.w(1, 2);
        Vector gradients = Vectors.w(1, 2);
        Vector others = Vectors.wb(1, 2, 3, 4);
        Vector otherGradients = Vectors.wb(1, 2, 3, 4)) {
      assertThatThrownBy(() -> optimizer.step(params, gradients))
          .isInstanceOf(UnsupportedOperationException.class);
      failing.inRun = false;
      assertThat(optimizer.step(others, otherGradients)).isTrue();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3})
  void skippedStepChangesNothingWhereverTheGuardIs(int position) {
    NonFiniteGuard guard = new NonFiniteGuard(NonFiniteGuard.Action.SKIP);
    List<OptiModule> modules = stages();
    modules.add(position, guard);
    String skipped = "modules." + position + ":nonfinite-guard.skipped";
    try (Optimizer optimizer = optimizer(modules);
        Optimizer untroubled = optimizer(stages());
        Vector params = Vectors.wb(1, 2, 3, 4);
        Vector others = Vectors.wb(1, 2, 3, 4);
        Vector gradients = Vectors.wb(0.1f, -0.2f, 0.3f, -0.4f);
        Vector bad = Vectors.wb(0.1f, 1, Float.POSITIVE_INFINITY, 1)) {
      for (int i = 0; i < 3; i++) {
        Snapshot before = Snapshot.of(optimizer, params);
        assertThat(optimizer.step(params, bad)).isFalse();
        assertThat(guard.skipped()).isEqualTo(2 * i + 1);
        try (Vector updates = optimizer.computeUpdates(params, bad)) {
          assertThat(updates.flatten()).containsOnly(0);
        }
        Snapshot after = Snapshot.of(optimizer, params);
        assertThat(after.state().put(skipped, 2.0 * i)).isEqualTo(2.0 * i + 2);
        assertThat(after).isEqualTo(before);
        assertThat(optimizer.step(params, gradients)).isTrue();
        untroubled.step(others, gradients);
        assertThat(params.flatten()).isEqualTo(others.flatten());
      }
      assertThat(guard.skipped()).isEqualTo(6);
      assertThat(optimizer.learningRate()).isEqualTo(0.125);
    }
  }

  @Test
  void eachGuardCountsWhatItSkipped() {
    NonFiniteGuard first = new NonFiniteGuard(NonFiniteGuard.Action.SKIP);
    NonFiniteGuard second = new NonFiniteGuard(NonFiniteGuard.Action.SKIP);
    // Without eps, a gradient of zero becomes 0 / 0 between the two.
    List<OptiModule> modules = List.of(first, new Adam(0, 0, false, 0, false), second);
    try (Optimizer optimizer = optimizer(modules);
        Vector params = Vectors.w(1, 2);
        Vector zeros = Vectors.w(0, 1);
        Vector bad = Vectors.w(Float.NaN, 1)) {
      assertThat(optimizer.step(params, bad)).isFalse();
      assertThat(optimizer.step(params, zeros)).isFalse();
      assertThat(optimizer.step(params, bad)).isFalse();
      assertThat(first.skipped()).isEqualTo(2);
      assertThat(second.skipped()).isEqualTo(1);
      assertThat(StateValues.of(optimizer)).containsEntry("modules.1:adam.steps", 0.0);
    }
  }

  @Test
  void callsThatOnlyAccumulateDoNotAdvanceTheRates() {
    Failing failing = new Failing();
    try (Optimizer optimizer = optimizer(List.of(new GradientAccumulation(2), failing));
        Vector params = Vectors.w(1, 2);
        Vector gradients = Vectors.w(1, 1)) {
      assertThat(optimizer.step(params, gradients)).isFalse();
      assertThat(optimizer.learningRate()).isEqualTo(1);
      Snapshot half = Snapshot.of(optimizer, params);
      failing.inRun = true;
      assertThatThrownBy(() -> optimizer.step(params, gradients))
          .isInstanceOf(UnsupportedOperationException.class);
      assertThat(Snapshot.of(optimizer, params)).isEqualTo(half);
      failing.inRun = false;
      assertThat(optimizer.step(params, gradients)).isTrue();
      assertThat(optimizer.learningRate()).isEqualTo(0.5);
    }
  }
}
