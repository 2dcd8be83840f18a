package org.optibridge.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.optibridge.memory.ClosedException;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.Registry;
import org.optibridge.torch.TorchFixtures.Config;
import org.optibridge.vector.DType;
import org.optibridge.vector.Vector;

/** Options, agreement of the bindings with one another, and lifecycle. */
@DisabledIfSystemProperty(named = "optibridge.native.tests", matches = "false")
class TorchOptiModuleTest {
  static List<Config> all() {
    return TorchFixtures.all();
  }

  static List<Config> fusable() {
    return TorchFixtures.fusable();
  }

  static List<Arguments> refusals() {
    return List.of(
        Arguments.of("Adamm", Map.of(), "did you mean 'Adam'"),
        Arguments.of("torch.optim.rmsprop", Map.of(), "did you mean 'RMSprop'"),
        Arguments.of("Completely", Map.of(), "Known: [SGD, Adam"),
        Arguments.of("LBFGS", Map.of(), "closure"),
        Arguments.of("torch.optim.lbfgs.LBFGS", Map.of(), "closure"),
        Arguments.of("Adam", Map.of("momentum", 0.9), "no option 'momentum'"),
        Arguments.of("Adam", Map.of("eps", "small"), "'eps' must be a number"),
        Arguments.of("Adam", Map.of("amsgrad", 1), "'amsgrad' must be true or false"),
        Arguments.of("Adam", Map.of("betas", 0.9), "'betas' must be a list of two numbers"),
        Arguments.of("Adam", Map.of("betas", List.of(0.9)), "'betas'"),
        Arguments.of("Adam", Map.of("betas", List.of(0.9, "x")), "'betas'"),
        Arguments.of("Adam", Map.of("betas", List.of(0.9, 1.0)), "[0, 1)"),
        Arguments.of("Adam", Map.of("eps", Double.NaN), "finite"),
        Arguments.of("SGD", Map.of("momentum", Double.POSITIVE_INFINITY), "finite"),
        Arguments.of("SGD", Map.of("momentum", -0.1), ">= 0"),
        Arguments.of("Adam", Map.of("lr", 0.1), "learningRate"),
        Arguments.of("SGD", Map.of("nesterov", true), "nesterov"),
        Arguments.of("SGD", Map.of("nesterov", true, "momentum", 0.9, "dampening", 0.1), "damp"),
        Arguments.of("Adam", Map.of("capturable", true), "'capturable'"),
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

  @Test
  void plainMaximizeIsUnsupported() {
    assertThatThrownBy(() -> TorchOptiModule.of("SGD", Map.of("maximize", true, "fused", false)))
        .isInstanceOf(UnsupportedOperationException.class)
        .hasMessageContaining("maximize");
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
  @MethodSource("all")
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
  @MethodSource("all")
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
    kwargs.put("weight_decay", 0.0);
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
    }
  }
}
