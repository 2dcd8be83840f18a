package org.optibridge.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.optibridge.modules.ClipByValue;
import org.optibridge.modules.L2GlobalClipping;
import org.optibridge.modules.NonFiniteGuard;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.OptimizerBuilder;
import org.optibridge.optimizer.Registry;
import org.optibridge.optimizer.State;
import org.optibridge.optimizer.StateValues;
import org.optibridge.regularizers.Ridge;
import org.optibridge.testing.FailingModule;
import org.optibridge.testing.RequiresTorch;
import org.optibridge.torch.TorchFixtures.Config;
import org.optibridge.vector.DType;
import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorSpec;

/** Weights without a gradient are left alone with all their state. */
@RequiresTorch
class TorchMissingGradientsTest {
  private static final int[] SMALL = {3, 65, 0, 7};
  private static final int[] LARGE = {40_001, 30_003, 20_000, 70_001};
  // Which tensors have gradients, step by step: not all even at the first.
  private static final boolean[][] GIVEN = {
    {true, false, true, false},
    {false, true, false, true},
    {true, true, true, true},
    {false, false, true, true},
    {false, false, true, true},
    {true, false, false, false},
  };

  static List<Config> all() {
    return TorchFixtures.all();
  }

  private static VectorSpec spec(VectorSpec all, boolean[] given) {
    List<TensorSpec> kept = new ArrayList<>();
    for (int i = 0; i < given.length; i++) {
      if (given[i]) {
        kept.add(all.tensors().get(i));
      }
    }
    return new VectorSpec(kept);
  }

  private interface Pipeline {
    OptimizerBuilder around(TorchOptiModule module);
  }

  /** Compares one optimizer of all weights with one for each. */
  private static void check(Config config, int[] sizes, boolean asUpdates, Pipeline pipeline) {
    List<Optimizer> alone = new ArrayList<>();
    try (Optimizer optimizer = pipeline.around(config.make()).build();
        Vector params = TorchFixtures.random(DType.FLOAT32, 1, sizes);
        Vector expected = params.materialize()) {
      for (int i = 0; i < sizes.length; i++) {
        alone.add(pipeline.around(config.make()).build());
      }
      for (int step = 0; step < GIVEN.length; step++) {
        try (Vector gradients = TorchFixtures.random(DType.FLOAT32, 10 + step, sizes);
            Vector given = gradients.select(spec(gradients.spec(), GIVEN[step]))) {
          step(optimizer, params, given, asUpdates);
          for (int i = 0; i < sizes.length; i++) {
            if (GIVEN[step][i]) {
              VectorSpec one = new VectorSpec(List.of(params.spec().tensors().get(i)));
              try (Vector weight = expected.select(one);
                  Vector gradient = gradients.select(one)) {
                step(alone.get(i), weight, gradient, asUpdates);
              }
            }
          }
        }
        // Neighbours are stepped as one, where the ends of vector registers fall elsewhere.
        TorchFixtures.assertNear("step " + step, params, expected, 1e-6);
      }
      try (State state = optimizer.getState()) {
        if (!config.cls().equals("SGD")) { // which counts no steps in its state
          assertThat(steps(state, 4)).containsExactly(3, 2, 4, 4);
        }
      }
    } finally {
      alone.forEach(Optimizer::close);
    }
  }

  /** How often each parameter was stepped. */
  private static double[] steps(State pipeline, int parameters) {
    State modules = pipeline.state("modules");
    for (String key : modules.keys()) {
      if (key.endsWith(TorchOptiModule.NAME)) {
        Vector entries = modules.state(key).vector("state");
        return IntStream.range(0, parameters)
            .mapToDouble(i -> entries.toDoubles(i + ".step")[0])
            .toArray();
      }
    }
    throw new AssertionError(modules);
  }

  private static void step(Optimizer optimizer, Vector params, Vector gradients, boolean updates) {
    if (!updates) {
      assertThat(optimizer.step(params, gradients)).isTrue();
      return;
    }
    try (Vector update = optimizer.computeUpdates(params, gradients)) {
      optimizer.applyUpdates(params, update);
    }
  }

  private static OptimizerBuilder plain(TorchOptiModule module) {
    return Optimizer.builder().learningRate(0.05).module(module);
  }

  @ParameterizedTest
  @MethodSource("all")
  void inPlace(Config config) {
    check(config, SMALL, false, TorchMissingGradientsTest::plain);
  }

  @ParameterizedTest
  @MethodSource("all")
  void asUpdates(Config config) {
    check(config, SMALL, true, TorchMissingGradientsTest::plain);
  }

  /**
   * Stages without state for each tensor, before the module and after it; decay of the pipeline.
   */
  @ParameterizedTest
  @MethodSource("all")
  void amidOtherStages(Config config) {
    check(
        config,
        SMALL,
        false,
        module ->
            Optimizer.builder()
                .learningRate(0.05)
                .weightDecay(0.01)
                .regularizer(new Ridge(0.1))
                .module(new NonFiniteGuard(NonFiniteGuard.Action.FAIL))
                .module(new ClipByValue(0.8))
                .module(module)
                .module(new ClipByValue(3)));
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, 0.01})
  void inBlocks(double decay) {
    for (Config config : TorchFixtures.fusable()) {
      check(config, LARGE, false, module -> plain(new ClipByValue(0.8), module).weightDecay(decay));
    }
  }

  private static OptimizerBuilder plain(ClipByValue clip, TorchOptiModule module) {
    return Optimizer.builder().learningRate(0.05).module(clip).module(module);
  }

  @Test
  void normsAreThoseOfTheGradientsThatAreThere() {
    try (Optimizer optimizer =
            Optimizer.builder()
                .learningRate(1)
                .module(new L2GlobalClipping(1))
                .module(TorchOptiModule.of("SGD"))
                .build();
        Vector params =
            Vector.builder()
                .allocate("a", DType.FLOAT64, 1)
                .allocate("b", DType.FLOAT64, 1)
                .build();
        Vector gradient = Vector.builder().copy("b", new double[] {4}, 1).build()) {
      optimizer.step(params, gradient);
      assertThat(params.flatten()).containsExactly(0, -1);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"adam", "momentum", "weights-ema", "gradient-accumulation"})
  void stagesWithVectorsRefuseByName(String name) {
    Map<String, Object> options =
        name.equals("gradient-accumulation") ? Map.of("steps", 2) : Map.of();
    try (Optimizer optimizer =
            Optimizer.builder()
                .learningRate(0.1)
                .module(Registry.module(name, options))
                .module(TorchOptiModule.of("SGD"))
                .build();
        Vector params = TorchFixtures.random(DType.FLOAT32, 1, SMALL);
        Vector given = params.select(spec(params.spec(), GIVEN[0]));
        Vector gradients = given.materialize()) {
      double[] before = params.flatten();
      Map<String, Object> state = StateValues.of(optimizer);
      assertThatThrownBy(() -> optimizer.step(params, gradients))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("'" + name + "' can't step some of the weights only");
      assertThatThrownBy(() -> optimizer.computeUpdates(params, gradients))
          .isInstanceOf(IllegalArgumentException.class);
      assertThat(params.flatten()).isEqualTo(before);
      assertThat(StateValues.of(optimizer)).isEqualTo(state);
      optimizer.step(params, params.times(0.5));
    }
  }

  @Test
  void otherNamesShapesAndOrdersAreRefused() {
    try (Optimizer optimizer = plain(TorchOptiModule.of("Adam")).build();
        Vector params = TorchFixtures.random(DType.FLOAT32, 1, SMALL);
        Vector unknown = Vector.builder().allocate("v", DType.FLOAT32, 3).build();
        Vector shape = Vector.builder().allocate("w1", DType.FLOAT32, 3).build();
        Vector dtype = Vector.builder().allocate("w1", DType.FLOAT64, 65).build();
        Vector order =
            Vector.builder()
                .allocate("w1", DType.FLOAT32, 65)
                .allocate("w0", DType.FLOAT32, 3)
                .build()) {
      refused(optimizer, params, unknown, "'v' is not in the parameters");
      refused(optimizer, params, shape, "'w1' float32[3]");
      refused(optimizer, params, dtype, "'w1' float64[65]");
      refused(optimizer, params, order, "the order of names is [w1, w0]");
      try (State state = optimizer.getState()) {
        assertThat(state.state("modules").state("0:torch-optim").has("slots")).isFalse();
      }
    }
  }

  private static void refused(Optimizer optimizer, Vector params, Vector gradients, String text) {
    assertThatThrownBy(() -> optimizer.step(params, gradients))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(text);
  }

  @Test
  void aStepThatFailsLaterIsNotTaken() {
    OptiModule failing = new FailingModule();
    TorchOptiModule adam = TorchOptiModule.of("Adam");
    try (Optimizer optimizer = plain(new ClipByValue(1), adam).module(failing).build();
        Vector params = TorchFixtures.random(DType.FLOAT32, 1, LARGE);
        Vector given = params.select(spec(params.spec(), GIVEN[0]));
        Vector gradients = given.materialize()) {
      double[] before = params.flatten();
      assertThatThrownBy(() -> optimizer.step(params, gradients))
          .isInstanceOf(ArithmeticException.class);
      assertThat(params.flatten()).isEqualTo(before);
      try (State state = adam.getState()) {
        assertThat(state.has("slots")).isFalse();
      }
      assertThat(adam.binding()).isNull();
    }
  }
}
