package org.optibridge.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.optibridge.memory.ClosedException;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.Registry;
import org.optibridge.testing.RequiresTorch;
import org.optibridge.torch.TorchFixtures.Config;
import org.optibridge.vector.DType;
import org.optibridge.vector.Vector;

/** Options, agreement of the bindings with one another, and lifecycle. */
@RequiresTorch
class TorchOptiModuleTest {
  static List<Config> all() {
    return TorchFixtures.all();
  }

  static List<Config> fusable() {
    return TorchFixtures.fusable();
  }

  static List<Config> linear() {
    return TorchFixtures.linear();
  }

  static List<Config> elementwise() {
    return TorchFixtures.elementwise();
  }

  static List<Arguments> refusals() {
    return List.of(
        Arguments.of("Adamm", Map.of(), "did you mean 'Adam'"),
        Arguments.of("torch.optim.rmsprop", Map.of(), "did you mean 'RMSprop'"),
        Arguments.of("Completely", Map.of(), "Known: [SGD, Adam"),
        Arguments.of("LBFGS", Map.of(), "closure"),
        Arguments.of("SparseAdam", Map.of("eps", 0.0), "'eps' must be a finite number > 0"),
        Arguments.of("AdamX", Map.of(), "did you mean 'Adam"),
        Arguments.of("torch.optim.lbfgs.LBFGS", Map.of(), "closure"),
        Arguments.of("Adam", Map.of("momentum", 0.9), "no option 'momentum'"),
        Arguments.of("Adam", Map.of("eps", "small"), "'eps' must be a finite number >= 0"),
        Arguments.of("Adam", Map.of("amsgrad", 1), "'amsgrad' must be true or false"),
        Arguments.of(
            "Adam", Map.of("betas", 0.9), "'betas' must be a list of two finite numbers [0, 1)"),
        Arguments.of("Adam", Map.of("betas", List.of(0.9)), "'betas'"),
        Arguments.of("Adam", Map.of("betas", List.of(0.9, "x")), "'betas'"),
        Arguments.of("Adam", Map.of("betas", List.of(0.9, 1.0)), "[0, 1)"),
        Arguments.of("Adam", Map.of("eps", Double.NaN), "finite"),
        Arguments.of("SGD", Map.of("momentum", Double.POSITIVE_INFINITY), "finite"),
        Arguments.of("SGD", Map.of("momentum", -0.1), ">= 0"),
        Arguments.of("Adam", Map.of("lr", 0.1), "learningRate"),
        Arguments.of("SGD", Map.of("nesterov", true), "nesterov"),
        Arguments.of("SGD", Map.of("nesterov", true, "momentum", 0.9, "dampening", 0.1), "damp"),
        Arguments.of("Adam", Map.of("capturable", true), "CUDA graphs"),
        Arguments.of("NAdam", Map.of("differentiable", true), "automatic differentiation"),
        Arguments.of("Adam", Map.of("foreach", 1), "'foreach' must be true, false or None"),
        Arguments.of("Adam", Map.of("weigth_decay", 0.1), "did you mean 'weight_decay'"),
        Arguments.of("Rprop", Map.of("etas", List.of(0.5, 1.0)), "(0, 1), then > 1"),
        Arguments.of("Rprop", Map.of("step_sizes", List.of(1.0)), "two finite numbers"),
        Arguments.of("Adafactor", Map.of("eps", Arrays.asList(1e-3, null)), "None or >= 0, then"),
        Arguments.of("Adafactor", Map.of("beta2_decay", 0.8), "<= 0"),
        Arguments.of("Muon", Map.of("ns_steps", 100), "[0, 100)"),
        Arguments.of("Muon", Map.of("ns_steps", 2.5), "a whole number"),
        Arguments.of("Muon", Map.of("ns_coefficients", List.of(1, 2)), "3 finite numbers"),
        Arguments.of("Muon", Map.of("adjust_lr_fn", "none"), "[original, match_rms_adamw]"),
        Arguments.of("Muon", Map.of("maximize", true), "no option 'maximize'"),
        Arguments.of("Adam", Map.of("fused", "yes"), "'fused'"),
        Arguments.of("RMSprop", Map.of("fused", true), "no fused kernel"));
  }

  @ParameterizedTest
  @MethodSource("refusals")
  void wrongOptionsAreRefused(String cls, Map<String, Object> kwargs, String text) {
    assertThatThrownBy(() -> TorchOptiModule.of(cls, kwargs))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(text);
  }

  @Test
  void wrongConfigsAreRefused() {
    assertThatThrownBy(() -> TorchOptiModule.fromConfig(Map.of("kwargs", Map.of())))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("optim_cls");
    assertThatThrownBy(() -> TorchOptiModule.fromConfig(Map.of("optim_cls", "SGD", "kwargs", 1)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("kwargs");
    assertThatThrownBy(() -> TorchOptiModule.fromConfig(Map.of("optim_cls", "SGD", "lr", 1)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("'lr'");
  }

  @ParameterizedTest
  @MethodSource("all")
  void configRoundTrip(Config config) {
    try (TorchOptiModule module = config.make();
        OptiModule again = Registry.module(TorchOptiModule.NAME, module.getConfig());
        Optimizer optimizer = Optimizer.builder().learningRate(0.1).module(config.make()).build();
        Optimizer copy = Optimizer.fromConfig(optimizer.getConfig())) {
      assertThat(again.getConfig()).isEqualTo(module.getConfig());
      assertThat(copy.getConfig()).isEqualTo(optimizer.getConfig());
      assertThat(((TorchOptiModule) again).isFused()).isEqualTo(module.isFused());
      assertThat(module.spec().qualifiedName()).isEqualTo("torch.optim." + config.cls());
    }
  }

  /** Steps in place and by direction, fused and plain; sizes around the widths of SIMD. */
  private static double[] weights(Config config, DType dtype, int steps, boolean inPlace) {
    int[] sizes = {1, 3, 63, 65, 0, 1025};
    try (Optimizer optimizer =
            Optimizer.builder().learningRate(0.01).module(config.make()).build();
        Vector params = TorchFixtures.random(dtype, 1, sizes)) {
      for (int i = 0; i < steps; i++) {
        try (Vector gradients = TorchFixtures.random(dtype, 10 + i, sizes)) {
          if (inPlace) {
            optimizer.step(params, gradients);
          } else {
            try (Vector updates = optimizer.computeUpdates(params, gradients)) {
              optimizer.applyUpdates(params, updates);
            }
          }
        }
      }
      return params.flatten();
    }
  }

  private static void near(double[] actual, double[] expected, double atol) {
    assertThat(actual).hasSameSizeAs(expected).containsExactly(expected, within(atol));
  }

  @ParameterizedTest
  @MethodSource("linear")
  void inPlaceEqualsDirection(Config config) {
    near(weights(config, DType.FLOAT32, 8, true), weights(config, DType.FLOAT32, 8, false), 1e-6);
    near(weights(config, DType.FLOAT64, 8, true), weights(config, DType.FLOAT64, 8, false), 1e-12);
  }

  @ParameterizedTest
  @MethodSource("fusable")
  void fusedEqualsPlain(Config config) {
    Config plain = config.with("fused", false);
    near(weights(config, DType.FLOAT32, 8, true), weights(plain, DType.FLOAT32, 8, true), 1e-6);
    near(weights(config, DType.FLOAT64, 8, true), weights(plain, DType.FLOAT64, 8, true), 1e-12);
  }

  @ParameterizedTest
  @MethodSource("elementwise")
  void largeTensorsAndTheirPartsMoveAlike(Config config) {
    int n = 1_000_001;
    try (Optimizer whole = Optimizer.builder().learningRate(0.01).module(config.make()).build();
        Optimizer tail = Optimizer.builder().learningRate(0.01).module(config.make()).build();
        Vector params = TorchFixtures.random(DType.FLOAT32, 1, n);
        Vector gradients = TorchFixtures.random(DType.FLOAT32, 2, n);
        Vector lastParams = Vector.builder().copy("w", last(params), 3).build();
        Vector lastGradients = Vector.builder().copy("w", last(gradients), 3).build()) {
      for (int i = 0; i < 3; i++) {
        whole.step(params, gradients);
        tail.step(lastParams, lastGradients);
      }
      near(
          lastParams.flatten(),
          new double[] {last(params)[0], last(params)[1], last(params)[2]},
          1e-6);
    }
  }

  private static float[] last(Vector vector) {
    float[] all = vector.toFloats("w0");
    return java.util.Arrays.copyOfRange(all, all.length - 3, all.length);
  }

  @ParameterizedTest
  @MethodSource("all")
  void zeroGradientsWithoutDecayMoveNothing(Config config) {
    Map<String, Object> kwargs = new LinkedHashMap<>(config.kwargs());
    for (TorchOption option : TorchOptimizers.get(config.cls()).options()) {
      if (List.of("weight_decay", "lambd").contains(option.name())) {
        kwargs.put(option.name(), 0.0);
      }
    }
    try (TorchOptiModule module = TorchOptiModule.of(config.cls(), kwargs);
        Vector params = TorchFixtures.random(DType.FLOAT32, 1, 5, 0);
        Vector zeros = Vector.allocate(params.spec())) {
      double[] before = params.flatten();
      for (int i = 0; i < 3; i++) {
        module.stepInPlace(params, zeros, 0.1);
      }
      assertThat(params.flatten()).isEqualTo(before);
      // The direction is the negation of an untouched zero: -0.0.
      assertThat(module.run(zeros, null).abs().flatten()).containsOnly(0.0);
    }
  }

  @Test
  void closesOnceAndThenRefuses() {
    try (Vector params = TorchFixtures.random(DType.FLOAT32, 1, 5);
        Vector gradients = TorchFixtures.random(DType.FLOAT32, 2, 5)) {
      TorchOptiModule module = TorchOptiModule.of("Adam");
      module.run(gradients, null);
      module.close();
      module.close();
      assertThatThrownBy(() -> module.run(gradients, null)).isInstanceOf(ClosedException.class);
      assertThatThrownBy(module::reset).isInstanceOf(ClosedException.class);
      assertThatThrownBy(module::getState).isInstanceOf(ClosedException.class);
      Optimizer optimizer =
          Optimizer.builder().learningRate(1).module(TorchOptiModule.of("SGD")).build();
      optimizer.close();
      optimizer.close();
      assertThatThrownBy(() -> optimizer.step(params, gradients))
          .isInstanceOf(ClosedException.class);
    }
  }

  @Test
  void ratesThatAreNotFiniteAreRefused() {
    try (TorchOptiModule module = TorchOptiModule.of("SGD");
        Vector params = TorchFixtures.random(DType.FLOAT32, 1, 5);
        Vector gradients = TorchFixtures.random(DType.FLOAT32, 2, 5)) {
      assertThatThrownBy(() -> module.stepInPlace(params, gradients, Double.NaN))
          .isInstanceOf(IllegalArgumentException.class);
      double[] before = params.flatten();
      assertThatThrownBy(() -> module.stepInPlace(params, gradients, -0.1))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("'maximize'");
      assertThat(params.flatten()).isEqualTo(before);
    }
  }
}
