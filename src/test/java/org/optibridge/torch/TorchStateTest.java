package org.optibridge.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.State;
import org.optibridge.testing.RequiresTorch;
import org.optibridge.torch.TorchFixtures.Config;
import org.optibridge.vector.DType;
import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorBuilder;

/** State survives refused calls, moves into fresh modules and is forgotten by reset. */
@RequiresTorch
class TorchStateTest {
  private static final int[] SIZES = {3, 65, 0, 1};

  static List<Config> all() {
    return TorchFixtures.all();
  }

  private static double[] step(TorchOptiModule module, DType dtype, long seed) {
    try (Vector gradients = TorchFixtures.random(dtype, seed, SIZES)) {
      return module.run(gradients, null).flatten();
    }
  }

  private static void refused(Runnable call, String text) {
    assertThatThrownBy(call::run)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(text);
  }

  @ParameterizedTest
  @MethodSource("all")
  void refusedGradientsLeaveStateAlone(Config config) {
    try (TorchOptiModule module = config.make();
        TorchOptiModule twin = config.make();
        Vector shapes = TorchFixtures.random(DType.FLOAT32, 3, 3, 65, 1, 1);
        Vector fewer = TorchFixtures.random(DType.FLOAT32, 3, 3, 65);
        Vector dtypes = TorchFixtures.random(DType.FLOAT64, 3, SIZES);
        Vector names = Vector.builder().allocate("other", DType.FLOAT32, 3).build()) {
      assertThat(step(module, DType.FLOAT32, 1)).isEqualTo(step(twin, DType.FLOAT32, 1));
      for (Vector wrong : List.of(shapes, fewer, dtypes, names)) {
        refused(() -> module.run(wrong, null), "the stored state");
        refused(() -> module.run(wrong.times(2), null), "the stored state");
        try (Vector params = wrong.materialize()) {
          refused(() -> module.stepInPlace(params, wrong, 0.1), "the stored state");
        }
      }
      for (int i = 2; i < 5; i++) {
        assertThat(step(module, DType.FLOAT32, i)).isEqualTo(step(twin, DType.FLOAT32, i));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("all")
  void stateMovesIntoAFreshModule(Config config) {
    for (DType dtype : List.of(DType.FLOAT32, DType.FLOAT64)) {
      try (TorchOptiModule whole = config.make();
          TorchOptiModule first = config.make();
          TorchOptiModule second = config.make()) {
        for (int i = 0; i < 4; i++) {
          assertThat(step(first, dtype, i)).isEqualTo(step(whole, dtype, i));
        }
        try (State state = first.getState()) {
          step(first, dtype, 99);
          second.setState(state);
        }
        for (int i = 4; i < 8; i++) {
          assertThat(step(second, dtype, i)).isEqualTo(step(whole, dtype, i));
        }
      }
    }
  }

  @Test
  void stateOfAnOptimizerMovesBetweenBindings() {
    try (Optimizer first = adam(true);
        Optimizer second = adam(true);
        Vector one = TorchFixtures.random(DType.FLOAT32, 1, SIZES);
        Vector two = one.materialize();
        Vector gradients = TorchFixtures.random(DType.FLOAT32, 2, SIZES)) {
      first.step(one, gradients);
      first.step(two, gradients);
      two.assign(one);
      try (State state = first.getState()) {
        second.setState(state);
      }
      first.step(one, gradients);
      second.step(two, gradients);
      assertThat(two.flatten()).isEqualTo(one.flatten());
    }
  }

  private static Optimizer adam(boolean fused) {
    return Optimizer.builder()
        .learningRate(0.1)
        .module(TorchOptiModule.of("Adam", Map.of("fused", fused)))
        .build();
  }

  @Test
  void unfitStatesAreRefused() {
    try (TorchOptiModule module = TorchOptiModule.of("Adam");
        TorchOptiModule twin = TorchOptiModule.of("Adam");
        TorchOptiModule amsgrad = TorchOptiModule.of("Adam", Map.of("amsgrad", true));
        TorchOptiModule adamw = TorchOptiModule.of("AdamW")) {
      for (TorchOptiModule each : List.of(module, twin, amsgrad, adamw)) {
        step(each, DType.FLOAT32, 1);
      }
      try (State other = adamw.getState();
          State slots = amsgrad.getState();
          State shape = unequalSlots(module);
          State empty = new State()) {
        refused(() -> module.setState(other), "torch.optim.AdamW");
        refused(() -> module.setState(slots), "max_exp_avg_sq");
        refused(() -> module.setState(shape), "'1.exp_avg'");
        refused(() -> module.setState(empty), "optim_cls");
      }
      for (int i = 2; i < 5; i++) {
        assertThat(step(module, DType.FLOAT32, i)).isEqualTo(step(twin, DType.FLOAT32, i));
      }
    }
  }

  /** The state with one entry of another shape than its parameter. */
  private static State unequalSlots(TorchOptiModule module) {
    VectorBuilder entries = Vector.builder();
    State state = module.getState();
    try (Vector former = state.vector("state")) {
      for (TensorSpec tensor : former.spec().tensors()) {
        boolean wrong = tensor.name().equals("1.exp_avg");
        entries.allocate(tensor.name(), tensor.dtype(), wrong ? new long[] {66} : tensor.shape());
      }
    }
    return state.put("state", entries.build());
  }

  @ParameterizedTest
  @MethodSource("all")
  void resetForgets(Config config) {
    try (TorchOptiModule module = config.make();
        TorchOptiModule fresh = config.make()) {
      module.reset();
      step(module, DType.FLOAT32, 1);
      step(module, DType.FLOAT32, 2);
      module.reset();
      try (State state = module.getState()) {
        assertThat(state.has("state")).isFalse();
      }
      assertThat(step(module, DType.FLOAT64, 3)).isEqualTo(step(fresh, DType.FLOAT64, 3));
    }
  }

  @Test
  void stateBeforeTheFirstStepForgets() {
    try (TorchOptiModule module = TorchOptiModule.of("Adam");
        TorchOptiModule fresh = TorchOptiModule.of("Adam");
        State empty = fresh.getState()) {
      step(module, DType.FLOAT32, 1);
      module.setState(empty);
      assertThat(step(module, DType.FLOAT32, 2)).isEqualTo(step(fresh, DType.FLOAT32, 2));
    }
  }
}
