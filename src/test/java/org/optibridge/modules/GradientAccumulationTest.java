package org.optibridge.modules;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.State;
import org.optibridge.optimizer.StateValues;
import org.optibridge.testing.Vectors;
import org.optibridge.vector.Vector;

class GradientAccumulationTest {
  private static void feed(GradientAccumulation module, double[] expected, float... values) {
    try (Vector g = Vectors.wb(values)) {
      Vector mean = module.run(g, null);
      if (expected.length == 0) {
        assertThat(mean).isNull();
      } else {
        assertThat(mean).isNotNull();
        assertThat(mean.flatten()).isEqualTo(expected);
      }
    }
  }

  private static final double[] NOTHING = {};

  @Test
  void everyThirdCallGivesTheMean() {
    try (GradientAccumulation module = new GradientAccumulation(3)) {
      for (int round = 0; round < 2; round++) {
        feed(module, NOTHING, 1, 2, 3, 4);
        assertThat(module.pending()).isEqualTo(1);
        feed(module, NOTHING, 3, 3, 3, 3);
        assertThat(module.pending()).isEqualTo(2);
        feed(module, new double[] {3, 1, 3, 5}, 5, -2, 3, 8);
        assertThat(module.pending()).isZero();
      }
    }
  }

  @Test
  void oneStepIsPlain() {
    try (GradientAccumulation module = new GradientAccumulation(1);
        Vector g = Vectors.w(1, 2)) {
      assertThat(module.run(g, null)).isSameAs(g);
      assertThat(module.run(g, null)).isSameAs(g);
      assertThat(StateValues.of(module)).isEqualTo(Map.of("count", 0.0));
    }
  }

  @Test
  void brokenBatchDoesNotOutliveItsMean() {
    try (GradientAccumulation module = new GradientAccumulation(2)) {
      feed(module, NOTHING, Float.NaN, 1);
      feed(module, new double[] {Double.NaN, 1}, 1, 1);
      feed(module, NOTHING, 1, 2);
      feed(module, new double[] {2, 3}, 3, 4);
    }
  }

  @Test
  void stateMovesInMidStep() {
    try (GradientAccumulation module = new GradientAccumulation(3);
        GradientAccumulation fresh = new GradientAccumulation(3)) {
      feed(module, NOTHING, 1, 2);
      feed(module, NOTHING, 1, 2);
      try (State state = module.getState()) {
        fresh.setState(state);
      }
      feed(fresh, new double[] {2, 3}, 4, 5);
      module.reset();
      feed(module, NOTHING, 1, 2);
      assertThat(module.pending()).isEqualTo(1);
    }
  }

  @Test
  void stateThatDoesNotFitIsRefused() {
    try (GradientAccumulation five = new GradientAccumulation(5);
        GradientAccumulation two = new GradientAccumulation(2)) {
      for (int i = 0; i < 3; i++) {
        feed(five, NOTHING, 1, 2);
      }
      feed(two, NOTHING, 1, 2);
      Map<String, Object> before = StateValues.of(two);
      try (State state = five.getState()) {
        assertThatThrownBy(() -> two.setState(state))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining(
                "gradient-accumulation: the state has 'count' = 3, but 'steps' is 2");
      }
      assertThatThrownBy(() -> two.setState(new State().put("count", 1)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("'count' = 1 but lacks 'sum'");
      assertThatThrownBy(() -> two.setState(new State().put("count", -1)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("must be a whole number, at least 0, not -1.0");
      assertThat(StateValues.of(two)).isEqualTo(before);
    }
  }

  @Test
  void otherShapesInMidStepAreRefused() {
    try (GradientAccumulation module = new GradientAccumulation(2);
        Vector other = Vectors.wb(1, 2, 3, 4)) {
      feed(module, NOTHING, 1, 2);
      assertThatThrownBy(() -> module.run(other, null))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("gradient-accumulation");
      assertThat(module.pending()).isEqualTo(1);
    }
  }

  /** Two batches at once must step as their mean does, for the stages after and the weights. */
  @Test
  void pipelineStepsByTheMean() {
    try (Optimizer small =
            Optimizer.builder()
                .learningRate(0.1)
                .weightDecay(0.01)
                .module(new GradientAccumulation(2))
                .module(new Adam(0.9, 0.99, false, 1e-7, false))
                .build();
        Optimizer large =
            Optimizer.builder()
                .learningRate(0.1)
                .weightDecay(0.01)
                .module(new Adam(0.9, 0.99, false, 1e-7, false))
                .build();
        Vector params = Vectors.wb(1, 2, 3, 4);
        Vector others = Vectors.wb(1, 2, 3, 4);
        Vector one = Vectors.wb(1, 0, 2, -4);
        Vector two = Vectors.wb(3, 2, -2, -8);
        Vector mean = Vectors.wb(2, 1, 0, -6)) {
      for (int i = 0; i < 3; i++) {
        double[] before = params.flatten();
        assertThat(small.step(params, one)).isFalse();
        assertThat(params.flatten()).isEqualTo(before);
        assertThat(small.step(params, two)).isTrue();
        assertThat(large.step(others, mean)).isTrue();
        assertThat(params.flatten()).isEqualTo(others.flatten());
      }
      assertThat(StateValues.of(small)).containsEntry("modules.1:adam.steps", 3.0);
    }
  }
}
