package org.optibridge.modules;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.optibridge.modules.NonFiniteGuard.Action;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.State;
import org.optibridge.optimizer.StateValues;
import org.optibridge.testing.Vectors;
import org.optibridge.vector.Vector;

class NonFiniteGuardTest {
  private final NonFiniteGuard guard = new NonFiniteGuard(Action.SKIP);

  @Test
  void finiteGradientsPassAsTheyAre() {
    float max = Float.MAX_VALUE;
    try (Vector g = Vectors.wb(max, -max, max, Float.MIN_VALUE, -0f, 0)) {
      assertThat(guard.run(g, null)).isSameAs(g);
      assertThat(guard.skipped()).isZero();
    }
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
  void oneBadElementIsFoundWhereverItIs(float bad) {
    for (int i = 0; i < 6; i++) {
      float[] values = {1, 2, 3, 4, 5, 6};
      values[i] = bad;
      try (Vector g = Vectors.wb(values)) {
        assertThat(guard.run(g, null)).isNull();
        assertThat(guard.skipped()).isEqualTo(i + 1);
      }
    }
  }

  @Test
  void infinitiesOfBothSignsDoNotCancel() {
    float inf = Float.POSITIVE_INFINITY;
    try (Vector g = Vectors.wb(inf, -inf, 1, 1)) {
      assertThat(guard.run(g, null)).isNull();
    }
  }

  @Test
  void doublesAndLargeTensors() {
    double[] values = new double[200_001];
    try (Vector good = Vector.builder().copy("w", values, values.length).build()) {
      assertThat(guard.run(good, null)).isSameAs(good);
    }
    values[200_000] = Double.NEGATIVE_INFINITY;
    try (Vector bad = Vector.builder().copy("w", values, values.length).build()) {
      assertThat(guard.run(bad, null)).isNull();
    }
  }

  @Test
  void failNamesTheFirstTensorAndChangesNothing() {
    try (Optimizer optimizer =
            Optimizer.builder()
                .learningRate(0.1)
                .module(new Momentum(0.9, false, false))
                .module(new NonFiniteGuard(Action.FAIL))
                .build();
        Vector params = Vectors.wb(1, 2, 3, 4);
        Vector good = Vectors.wb(1, 1, 1, 1);
        Vector bad = Vectors.wb(1, 1, 1, Float.NaN)) {
      assertThat(optimizer.step(params, good)).isTrue();
      Map<String, Object> state = StateValues.of(optimizer);
      double[] weights = params.flatten();
      assertThatThrownBy(() -> optimizer.step(params, bad))
          .isInstanceOf(ArithmeticException.class)
          .hasMessageStartingWith("nonfinite-guard: the gradients of 'b' have elements")
          .hasMessageContaining("'skip'");
      assertThat(params.flatten()).isEqualTo(weights);
      assertThat(StateValues.of(optimizer))
          .isEqualTo(state)
          .containsKey("modules.0:momentum.velocity");
    }
  }

  @Test
  void countIsStateAndResets() {
    try (Vector bad = Vectors.w(Float.NaN);
        NonFiniteGuard fresh = new NonFiniteGuard(Action.SKIP)) {
      guard.run(bad, null);
      guard.run(bad, null);
      try (State state = guard.getState()) {
        assertThat(StateValues.of(state)).isEqualTo(Map.of("skipped", 2.0));
        fresh.setState(state);
      }
      assertThat(fresh.skipped()).isEqualTo(2);
      fresh.reset();
      assertThat(fresh.skipped()).isZero();
      assertThat(guard.skipped()).isEqualTo(2);
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {-1, 0.5, Double.NaN, Double.POSITIVE_INFINITY})
  void stateMustBeACount(double count) {
    guard.setState(new State().put("skipped", 3));
    assertThatThrownBy(() -> guard.setState(new State().put("skipped", count)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("nonfinite-guard: 'skipped' of the state must be a whole number")
        .hasMessageContaining("not " + count);
    assertThat(guard.skipped()).isEqualTo(3);
  }
}
