package org.optibridge.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.optibridge.modules.ClipByValue;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.StateValues;
import org.optibridge.testing.RequiresTorch;
import org.optibridge.vector.DType;
import org.optibridge.vector.Recording;
import org.optibridge.vector.Vector;

/** Options that change while steps are recorded. */
@RequiresTorch
class TorchRecordedChangesTest {
  private static final int LARGE = 40_000;

  private static Optimizer pipeline(TorchOptiModule module) {
    return Optimizer.builder()
        .learningRate(0.1)
        .module(new ClipByValue(0.5))
        .module(module)
        .build();
  }

  @Test
  void recordedStepsRunWithTheOptionsTheyWereRecordedWith() {
    TorchOptiModule module = TorchOptiModule.of("Adam");
    TorchOptiModule other = TorchOptiModule.of("Adam");
    try (Optimizer recorded = pipeline(module);
        Optimizer direct = pipeline(other);
        Vector one = TorchFixtures.random(DType.FLOAT32, 1, LARGE);
        Vector two = one.materialize();
        Vector gradients = TorchFixtures.random(DType.FLOAT32, 2, LARGE)) {
      try (Recording recording = Recording.begin()) {
        recorded.step(one, gradients);
        assertThat(module.binding().extent()).isEqualTo(TorchBinding.Extent.BLOCKS);
        module.setOptions(Map.of("betas", List.of(0.1, 0.2)));
        recorded.step(one, gradients);
        recording.commit();
      }
      direct.step(two, gradients);
      other.setOptions(Map.of("betas", List.of(0.1, 0.2)));
      direct.step(two, gradients);
      assertThat(one.flatten()).isEqualTo(two.flatten());
    }
  }

  @Test
  void aChangeIsUndoneWithItsRecording() {
    try (TorchOptiModule module = TorchOptiModule.of("SGD", Map.of("weight_decay", 0.5));
        Vector params = TorchFixtures.random(DType.FLOAT32, 1, 3, 65);
        Vector gradients = TorchFixtures.random(DType.FLOAT32, 2, 3, 65)) {
      module.stepInPlace(params, gradients, 0.1);
      Map<String, Object> config = module.getConfig();
      try (Recording recording = Recording.begin()) {
        module.setOptions(Map.of("weight_decay", 0.25));
        module.setOptions(Map.of("maximize", true));
        assertThat(module.getConfig()).isNotEqualTo(config);
        assertThatThrownBy(() -> module.setOptions(Map.of("momentum", 0.9)))
            .isInstanceOf(IllegalStateException.class)
            .hasMessageContaining("no recording open");
        assertThat(recording).isNotNull();
      }
      assertThat(module.getConfig()).isEqualTo(config);
      try (TorchOptiModule twin = TorchOptiModule.fromConfig(config);
          Vector expected = params.materialize()) {
        module.stepInPlace(params, gradients, 0.1);
        twin.stepInPlace(expected, gradients, 0.1);
        assertThat(params.flatten()).isEqualTo(expected.flatten());
      }
    }
  }

  /** Another thread can't make a step run with options that it was not recorded with. */
  @Test
  void aStepWhoseOptionsAnotherThreadChangedIsUndone() throws Exception {
    TorchOptiModule module = TorchOptiModule.of("Adam");
    try (Optimizer optimizer = pipeline(module);
        Vector params = TorchFixtures.random(DType.FLOAT32, 1, LARGE);
        Vector gradients = TorchFixtures.random(DType.FLOAT32, 2, LARGE)) {
      optimizer.step(params, gradients);
      double[] before = params.flatten();
      Map<String, Object> state = withoutOptions(module);
      try (Recording recording = Recording.begin()) {
        optimizer.step(params, gradients);
        Thread other = new Thread(() -> module.setOptions(Map.of("eps", 0.5)));
        other.start();
        other.join();
        assertThatThrownBy(recording::commit)
            .isInstanceOf(IllegalStateException.class)
            .hasMessageContaining("were changed after the step was recorded");
      }
      assertThat(params.flatten()).isEqualTo(before);
      assertThat(withoutOptions(module)).isEqualTo(state);
      optimizer.step(params, gradients);
      assertThat(params.flatten()).isNotEqualTo(before);
    }
  }

  private static Map<String, Object> withoutOptions(TorchOptiModule module) {
    Map<String, Object> values = new LinkedHashMap<>(StateValues.of(module));
    values.remove("param_groups");
    return values;
  }
}
