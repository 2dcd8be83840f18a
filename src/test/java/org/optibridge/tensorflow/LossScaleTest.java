package org.optibridge.tensorflow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.optibridge.modules.Momentum;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.OptimizerBuilder;
import org.optibridge.optimizer.Registry;
import org.optibridge.optimizer.State;
import org.optibridge.optimizer.StateValues;
import org.optibridge.schedulers.ExponentialDecay;
import org.optibridge.testing.NoLeaks;
import org.optibridge.testing.RequiresTensorflow;
import org.optibridge.vector.Vector;

/** LossScaleOptimizer as a stage of a pipeline; KerasRecordedTest has Keras's numbers. */
@ExtendWith(NoLeaks.class)
@RequiresTensorflow
class LossScaleTest {
  private static final String SGD =
      "{\"module\": \"keras.optimizers\", \"class_name\": \"SGD\", \"config\": {\"name\": \"sgd\","
          + " \"learning_rate\": 0.25, \"momentum\": 0.5}, \"registered_name\": null}";
  private static final String CONFIG =
      "{\"module\": \"keras.optimizers\", \"class_name\": \"LossScaleOptimizer\", \"config\":"
          + " {\"name\": \"loss_scale_optimizer\", \"inner_optimizer\": "
          + SGD
          + ", \"initial_scale\": 8.0, \"dynamic_growth_steps\": 3}, \"registered_name\": null}";

  private static Vector gradients(double value) {
    return Vector.builder()
        .copy("w", new float[] {1, -2, 0.5f}, 3)
        .copy("b", new double[] {value}, 1)
        .build();
  }

  /** The module last and in place, or followed by a decay of the pipeline's. */
  private static Optimizer pipeline(TensorflowOptiModule module, boolean last) {
    OptimizerBuilder builder =
        Optimizer.builder()
            .learningRate(new ExponentialDecay(0.5, 0.5))
            .module(new Momentum(0.5, false, false))
            .module(module);
    return (last ? builder : builder.weightDecay(0.125)).build();
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aStepOfBadGradientsHasNoEffectButTheScale(boolean last) {
    TensorflowOptiModule module = TensorflowOptiModule.of(CONFIG);
    TensorflowOptiModule twin = TensorflowOptiModule.of(CONFIG);
    try (Optimizer optimizer = pipeline(module, last);
        Optimizer undisturbed = pipeline(twin, last);
        Vector good = gradients(4);
        Vector bad = gradients(Double.NEGATIVE_INFINITY);
        Vector params = gradients(1);
        Vector expected = gradients(1)) {
      assertThat(optimizer.step(params, good)).isTrue();
      assertThat(undisturbed.step(expected, good)).isTrue();
      assertThat(module.lossScale()).isEqualTo(8);
      double rate = optimizer.learningRate();
      assertThat(optimizer.step(params, bad)).isFalse();
      assertThat(module.skippedStep()).isTrue();
      assertThat(module.lossScale()).isEqualTo(4);
      assertThat(optimizer.learningRate()).isEqualTo(rate);
      assertThat(params.flatten()).isEqualTo(expected.flatten());
      // Halved gradients of a halved loss: powers of two, so the same to the last bit.
      try (Vector half = good.times(0.5).materialize();
          State momentum = optimizer.getState()) {
        assertThat(momentum.keys()).isNotEmpty();
        twinHalved(twin);
        assertThat(StateValues.of(optimizer)).isEqualTo(StateValues.of(undisturbed));
        assertThat(optimizer.step(params, half)).isTrue();
        assertThat(undisturbed.step(expected, half)).isTrue();
      }
      assertThat(params.flatten()).isEqualTo(expected.flatten());
    }
  }

  /** What a skipped step leaves in the state, put there by hand. */
  private static void twinHalved(TensorflowOptiModule twin) {
    try (State state = twin.getState()) {
      state.put("dynamic_scale", 4).put("step_counter", 0);
      twin.setState(state);
    }
  }

  @Test
  void theScaleDoublesAfterGoodSteps() {
    try (TensorflowOptiModule module = TensorflowOptiModule.of(CONFIG);
        Vector good = gradients(4);
        Vector params = gradients(1)) {
      for (int i = 0; i < 7; i++) {
        assertThat(module.lossScale()).isEqualTo(i < 3 ? 8 : i < 6 ? 16 : 32);
        module.stepInPlace(params, good, 0.1);
      }
      module.reset();
      assertThat(module.lossScale()).isEqualTo(8);
    }
  }

  @Test
  void theScaleDoesNotFallToZero() {
    Map<String, Object> kwargs = Map.of("inner_optimizer", "SGD", "initial_scale", 0x1p-149);
    try (TensorflowOptiModule module = TensorflowOptiModule.of("LossScaleOptimizer", kwargs);
        Vector bad = gradients(Double.NaN)) {
      assertThatThrownBy(() -> module.run(bad, null))
          .isInstanceOf(ArithmeticException.class)
          .hasMessageContaining("can't fall any more");
      assertThat(module.lossScale()).isEqualTo(0x1p-149);
    }
  }

  @Test
  void itsConfigAndStateGoOnElsewhere() {
    try (TensorflowOptiModule module = TensorflowOptiModule.of(CONFIG);
        TensorflowOptiModule same =
            (TensorflowOptiModule) Registry.module(TensorflowOptiModule.NAME, module.getConfig());
        TensorflowOptiModule plain = TensorflowOptiModule.of("SGD", Map.of("momentum", 0.5));
        Vector good = gradients(4)) {
      assertThat(same.getConfig()).isEqualTo(module.getConfig());
      assertThat(same.optimizer().learningRate()).isEqualTo(1);
      assertThat(module.optimizer().learningRate()).isEqualTo(0.25);
      module.run(good, null);
      try (State state = module.getState()) {
        same.setState(state);
        assertThat(StateValues.of(same)).isEqualTo(StateValues.of(module));
        assertThatThrownBy(() -> plain.setState(state)).hasMessageContaining("dynamic_scale");
        for (double scale : new double[] {0, -1, Double.NaN, 1e39}) {
          state.put("dynamic_scale", scale);
          assertThatThrownBy(() -> same.setState(state)).hasMessageContaining("'dynamic_scale'");
        }
        state.put("dynamic_scale", 2).put("step_counter", 0.5);
        assertThatThrownBy(() -> same.setState(state)).hasMessageContaining("'step_counter'");
      }
      assertThat(StateValues.of(same)).isEqualTo(StateValues.of(module));
    }
  }

  @Test
  void aFixedFactorIsTold() {
    try (TensorflowOptiModule module =
            TensorflowOptiModule.of("SGD", Map.of("loss_scale_factor", 16.0));
        TensorflowOptiModule none = TensorflowOptiModule.of("SGD")) {
      assertThat(module.lossScale()).isEqualTo(16);
      assertThat(none.lossScale()).isEqualTo(1);
    }
  }
}
