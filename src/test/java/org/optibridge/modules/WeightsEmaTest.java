package org.optibridge.modules;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.State;
import org.optibridge.optimizer.StateValues;
import org.optibridge.testing.RequiresTorch;
import org.optibridge.testing.Vectors;
import org.optibridge.torch.TorchOptiModule;
import org.optibridge.vector.Vector;

class WeightsEmaTest {
  private static final double DECAY = 0.75;
  private final WeightsEma ema = new WeightsEma(DECAY);

  @AfterEach
  void close() {
    ema.close();
  }

  private static Optimizer optimizer(OptiModule... modules) {
    var builder = Optimizer.builder().learningRate(0.5);
    for (OptiModule module : modules) {
      builder.module(module);
    }
    return builder.build();
  }

  private double[] average() {
    try (Vector average = ema.average()) {
      return average.flatten();
    }
  }

  private static double[] mix(double[] average, double[] weights) {
    double[] mixed = new double[average.length];
    for (int i = 0; i < mixed.length; i++) {
      mixed[i] = DECAY * average[i] + (1 - DECAY) * weights[i];
    }
    return mixed;
  }

  /** Steps by changing gradients and follows the average in float64. */
  private void followsTheWeights(Optimizer optimizer) {
    try (Vector params = Vectors.wb(1, -2, 3, 4);
        Vector gradients = Vectors.wb(1, 2, -3, 0.5f)) {
      optimizer.step(params, gradients);
      double[] expected = params.flatten();
      assertThat(average()).isEqualTo(expected);
      for (int i = 0; i < 5; i++) {
        gradients.assign(gradients.times(-1.5));
        optimizer.step(params, gradients);
        expected = mix(expected, params.flatten());
        assertThat(average())
            .containsExactly(expected, within(1e-5))
            .isNotEqualTo(params.flatten());
      }
    }
  }

  @Test
  void followsTheWeightsFromAnyPlace() {
    try (Optimizer optimizer = optimizer(new Momentum(0.9, false, false), ema)) {
      followsTheWeights(optimizer);
    }
    try (Optimizer optimizer = optimizer(ema, new Momentum(0.9, false, false))) {
      followsTheWeights(optimizer);
    }
  }

  @Test
  @RequiresTorch
  void followsWeightsThatAreSteppedInPlace() {
    try (Optimizer optimizer = optimizer(ema, TorchOptiModule.of("SGD"))) {
      followsTheWeights(optimizer);
    }
  }

  @Test
  void gradientsPassAndTrainingIsTheSame() {
    try (Optimizer with = optimizer(ema);
        Optimizer without = optimizer();
        Vector params = Vectors.w(1, 2);
        Vector others = Vectors.w(1, 2);
        Vector gradients = Vectors.w(0.1f, 0.2f)) {
      assertThat(ema.run(gradients, null)).isSameAs(gradients);
      for (int i = 0; i < 3; i++) {
        with.step(params, gradients);
        without.step(others, gradients);
      }
      assertThat(params.flatten()).isEqualTo(others.flatten());
    }
  }

  @Test
  void averageIsACopy() {
    try (Optimizer optimizer = optimizer(ema);
        Vector params = Vectors.w(1, 2);
        Vector gradients = Vectors.w(1, 1)) {
      optimizer.step(params, gradients);
      double[] before = average();
      try (Vector copy = ema.average()) {
        assertThat(copy.spec()).isEqualTo(params.spec());
        copy.fill(9);
      }
      assertThat(average()).isEqualTo(before);
    }
  }

  @Test
  void thereIsNoAverageBeforeAStep() {
    assertThatThrownBy(ema::average)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("weights-ema: there is no average before the first step");
    try (Optimizer optimizer = optimizer(ema);
        Vector params = Vectors.w(1, 2);
        Vector gradients = Vectors.w(1, 1)) {
      optimizer.step(params, gradients);
      optimizer.reset();
      assertThatThrownBy(ema::average).isInstanceOf(IllegalStateException.class);
      optimizer.step(params, gradients);
      assertThat(average()).isEqualTo(params.flatten());
    }
  }

  @Test
  void updatesFromElsewhereAreFollowedBeforeAndAfterResetAndRestore() {
    try (Optimizer optimizer = optimizer(ema);
        Vector params = Vectors.w(1, 2);
        Vector updates = Vectors.w(1, -1)) {
      optimizer.applyUpdates(params, updates);
      assertThat(average()).containsExactly(2, 1);
      optimizer.applyUpdates(params, updates);
      assertThat(average()).containsExactly(2.25, 0.75);
      try (State state = optimizer.getState()) {
        optimizer.reset();
        optimizer.applyUpdates(params, updates);
        assertThat(average()).containsExactly(4, -1);
        optimizer.setState(state);
      }
      optimizer.applyUpdates(params, updates);
      assertThat(average()).containsExactly(0.75 * 2.25 + 0.25 * 5, 0.75 * 0.75 - 0.25 * 2);
    }
  }

  @Test
  void otherWeightsAreRefusedAndNothingChanges() {
    try (Optimizer optimizer = optimizer(ema);
        Vector params = Vectors.w(1, 2);
        Vector updates = Vectors.w(1, -1);
        Vector wrong = Vectors.w(1, 2, 3);
        Vector wrongUpdates = Vectors.w(1, 2, 3)) {
      optimizer.applyUpdates(params, updates);
      Map<String, Object> before = StateValues.of(optimizer);
      assertThatThrownBy(() -> optimizer.applyUpdates(wrong, wrongUpdates))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("weights-ema");
      assertThat(wrong.flatten()).containsExactly(1, 2, 3);
      assertThat(StateValues.of(optimizer)).isEqualTo(before);
    }
  }

  @Test
  void stepsThatAreNoneDoNotMoveIt() {
    try (Optimizer optimizer =
            optimizer(
                ema, new NonFiniteGuard(NonFiniteGuard.Action.SKIP), new GradientAccumulation(2));
        Vector params = Vectors.w(1, 2);
        Vector gradients = Vectors.w(1, 1);
        Vector bad = Vectors.w(1, Float.NaN)) {
      assertThat(optimizer.step(params, gradients)).isFalse();
      assertThat(optimizer.step(params, bad)).isFalse();
      assertThat(StateValues.of(ema)).isEqualTo(Map.of("steps", 0.0));
      assertThat(optimizer.step(params, gradients)).isTrue();
      assertThat(average()).isEqualTo(params.flatten());
    }
  }

  @Test
  void stateMoves() {
    try (Optimizer optimizer = optimizer(ema);
        WeightsEma fresh = new WeightsEma(DECAY);
        Vector params = Vectors.w(1, 2);
        Vector gradients = Vectors.w(1, 1)) {
      optimizer.step(params, gradients);
      optimizer.step(params, gradients);
      try (State state = ema.getState()) {
        fresh.setState(state);
      }
      fresh.afterStep(params);
      ema.afterStep(params);
      assertThat(StateValues.of(fresh)).isEqualTo(StateValues.of(ema)).containsEntry("steps", 3.0);
      assertThatThrownBy(() -> fresh.setState(new State().put("steps", 1)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("'steps' = 1 but lacks 'average'");
    }
  }
}
