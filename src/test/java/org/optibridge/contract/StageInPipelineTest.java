package org.optibridge.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.optibridge.contract.Tensors.Layout;
import org.optibridge.modules.L2GlobalClipping;
import org.optibridge.modules.Momentum;
import org.optibridge.optimizer.FormulaModule;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.OptimizerBuilder;
import org.optibridge.optimizer.Regularizer;
import org.optibridge.optimizer.Stage;
import org.optibridge.optimizer.State;
import org.optibridge.optimizer.StateValues;
import org.optibridge.regularizers.FedProx;
import org.optibridge.testing.NoLeaks;
import org.optibridge.testing.RequiresTorch;
import org.optibridge.torch.TorchOptiModule;
import org.optibridge.vector.Vector;

/** Every module and regularizer as a stage of an optimizer, with others around it. */
@ExtendWith(NoLeaks.class)
class StageInPipelineTest {
  /** Fails when it is told to, after all stages before it have run. */
  private static final class Failing extends FormulaModule {
    private boolean now;
    private boolean afterStep;

    Failing() {
      super("failing");
    }

    @Override
    protected Vector compute(Vector gradients, @Nullable Vector params) {
      fail(now);
      return gradients;
    }

    @Override
    public void afterStep(Vector params) {
      fail(afterStep);
    }

    private static void fail(boolean wanted) {
      if (wanted) {
        throw new UnsupportedOperationException("told to");
      }
    }

    @Override
    public Map<String, Object> getConfig() {
      return Map.of();
    }
  }

  static OptimizerBuilder with(Stage stage) {
    return with(stage, 0.01);
  }

  /** Without weight decay, the last module steps the weights in place if it can. */
  static OptimizerBuilder with(Stage stage, double weightDecay) {
    OptimizerBuilder builder = Optimizer.builder().learningRate(0.1).weightDecay(weightDecay);
    return stage instanceof OptiModule module
        ? builder.module(module)
        : builder.regularizer((Regularizer) stage);
  }

  private static String text(Vector vector) {
    return Arrays.toString(vector.flatten());
  }

  @ParameterizedTest
  @MethodSource("org.optibridge.contract.Examples#formulas")
  void failureOfALaterStageUndoesEverything(Example example) {
    for (Layout layout : Layout.values()) {
      for (boolean afterStep : new boolean[] {false, true}) {
        Failing failing = new Failing();
        int failures = 0;
        try (Optimizer optimizer = with(example.make()).module(failing).build();
            Optimizer untroubled = with(example.make()).module(new Failing()).build();
            Vector params = layout.vector(1);
            Vector others = layout.vector(1)) {
          for (int step = 0; step < 6; step++) {
            try (Vector gradients = layout.vector(10 + step)) {
              Map<String, Object> before = StateValues.of(optimizer);
              failing.now = !afterStep;
              failing.afterStep = afterStep;
              Throwable thrown = catchThrowable(() -> optimizer.step(params, gradients));
              failing.now = false;
              failing.afterStep = false;
              if (thrown != null) {
                assertThat(thrown).isInstanceOf(UnsupportedOperationException.class);
                assertThat(StateValues.of(optimizer)).isEqualTo(before);
                optimizer.step(params, gradients);
                failures++;
              } // else the step ended before it came to the failing stage
              untroubled.step(others, gradients);
              assertThat(text(params)).isEqualTo(text(others));
            }
          }
          assertThat(failures).isPositive();
          assertThat(anonymous(optimizer)).isEqualTo(anonymous(untroubled));
        }
      }
    }
  }

  /** Frameworks' modules that run as a part of the sweep; others write whole tensors at once. */
  static List<Example> fusedKernels() {
    return Examples.torch().stream()
        .filter(
            one -> {
              try (Stage stage = one.make()) {
                return stage instanceof TorchOptiModule torch && torch.isFused();
              }
            })
        .toList();
  }

  /** On large tensors a framework's kernel is a part of the sweep, and is undone with it. */
  @ParameterizedTest
  @RequiresTorch
  @MethodSource("fusedKernels")
  void failureAfterAFusedKernelUndoesEverythingToo(Example example) {
    Failing failing = new Failing();
    try (Optimizer optimizer =
            Optimizer.builder()
                .learningRate(0.1)
                .module(new Momentum(0.9, false, false))
                .module(example.module())
                .module(failing)
                .build();
        Vector params = Layout.FLOAT32.large(1);
        Vector gradients = Layout.FLOAT32.large(2)) {
      optimizer.step(params, gradients);
      Map<String, Object> before = StateValues.of(optimizer);
      String weights = text(params);
      failing.now = true;
      for (int again = 0; again < 3; again++) {
        assertThat(catchThrowable(() -> optimizer.step(params, gradients)))
            .isInstanceOf(UnsupportedOperationException.class);
        assertThat(StateValues.of(optimizer).equals(before)).as("failure %d", again).isTrue();
        assertThat(text(params).equals(weights)).isTrue();
      }
    }
  }

  private static Map<String, Object> anonymous(Optimizer optimizer) {
    Map<String, Object> state = StateValues.of(optimizer);
    state.keySet().removeIf(path -> path.endsWith(".uuid"));
    return state;
  }

  /** The optimizer's own refusal: gradients that are not those of the weights. */
  @ParameterizedTest
  @MethodSource("org.optibridge.contract.Examples#repeatable")
  void otherTensorsAreRefusedAndTheOptimizerWorksOn(Example example) {
    try (Optimizer optimizer = with(example.make()).build();
        Optimizer untroubled = with(example.make()).build();
        Vector params = Layout.FLOAT32.vector(1);
        Vector others = Layout.FLOAT32.vector(1);
        Vector gradients = Layout.FLOAT32.vector(2);
        Vector wide = Layout.BOTH.vector(3)) {
      for (int step = 0; step < 3; step++) {
        optimizer.step(params, gradients);
        untroubled.step(others, gradients);
        String before = text(params);
        assertThat(catchThrowable(() -> optimizer.step(params, wide)))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("'b'");
        assertThat(catchThrowable(() -> optimizer.computeUpdates(params, wide)))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("'b'");
        assertThat(text(params)).isEqualTo(before);
      }
      assertThat(text(params)).isEqualTo(text(others));
      assertThat(anonymous(optimizer)).isEqualTo(anonymous(untroubled));
    }
  }

  @ParameterizedTest
  @MethodSource("org.optibridge.contract.Examples#repeatable")
  void pipelineResumesAtEveryStepBitForBit(Example example) {
    for (Layout layout : Layout.values()) {
      String whole = run(example, layout, 0);
      for (int stop = 1; stop <= 6; stop++) {
        assertThat(run(example, layout, stop)).as("moved before %d", stop).isEqualTo(whole);
      }
    }
  }

  static Optimizer amidOthers(Example example) {
    OptimizerBuilder builder =
        Optimizer.builder()
            .learningRate(new UserProvider.Halving("halving"))
            .weightDecay(new UserProvider.Halving("halving"))
            .regularizer(new FedProx(0.1))
            .module(new L2GlobalClipping(0.5));
    Stage stage = example.make();
    if (stage instanceof OptiModule module) {
      builder.module(module);
    } else {
      builder.regularizer((Regularizer) stage);
    }
    return builder.module(new Momentum(0.5, false, false)).build();
  }

  private static String run(Example example, Layout layout, int stop) {
    Optimizer optimizer = amidOthers(example);
    try (Vector params = layout.vector(1)) {
      for (int step = 0; step < 6; step++) {
        if (step > 0 && step == stop) {
          Optimizer fresh = amidOthers(example);
          try (State state = optimizer.getState()) {
            fresh.setState(state);
          }
          optimizer.close();
          optimizer = fresh;
        }
        if (step % 3 == 0) {
          optimizer.startRound();
        }
        try (Vector gradients = layout.vector(10 + step)) {
          optimizer.step(params, gradients);
        }
      }
      return text(params) + anonymous(optimizer);
    } finally {
      optimizer.close();
    }
  }
}
