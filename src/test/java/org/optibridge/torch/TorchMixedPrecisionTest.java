package org.optibridge.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.optibridge.modules.L2GlobalClipping;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.testing.MixedReference;
import org.optibridge.testing.RequiresTorch;
import org.optibridge.vector.DType;
import org.optibridge.vector.Vector;

/** libtorch's optimizers on master weights, in all bindings. */
@RequiresTorch
class TorchMixedPrecisionTest {
  /** Fused and plain, with and without a look at the weights. */
  static List<TorchFixtures.Config> configs() {
    return List.of(
        new TorchFixtures.Config("SGD", Map.of("momentum", 0.9)),
        new TorchFixtures.Config("Adam", Map.of()),
        new TorchFixtures.Config("Adam", Map.of("fused", false)),
        new TorchFixtures.Config("AdamW", Map.of("weight_decay", 0.1)),
        new TorchFixtures.Config("Adagrad", Map.of()),
        new TorchFixtures.Config("RMSprop", Map.of()),
        new TorchFixtures.Config("Adamax", Map.of("weight_decay", 0.1)));
  }

  private static TorchOptiModule module(TorchFixtures.Config config) {
    return TorchOptiModule.of(config.cls(), config.kwargs());
  }

  @ParameterizedTest
  @MethodSource("configs")
  void allBindingsStepMasterWeights(TorchFixtures.Config config) {
    // Small tensors, and tensors that the sweep steps by itself.
    for (int[] sizes : new int[][] {{3, 700, 1}, {40_000, 20_001}}) {
      agrees(config, sizes);
    }
  }

  @Test
  void severalThreadsStepMasterWeights() {
    agrees(new TorchFixtures.Config("Adam", Map.of()), 150_001);
  }

  private static void agrees(TorchFixtures.Config config, int... sizes) {
    // in place
    for (DType gradients : List.of(DType.BFLOAT16, DType.FLOAT32)) {
      MixedReference.agrees(
          () -> Optimizer.builder().learningRate(0.1).module(module(config)).build(),
          DType.BFLOAT16,
          gradients,
          sizes);
    }
    // as a direction, with the weights at hand if the config reads them
    MixedReference.agrees(
        () ->
            Optimizer.builder()
                .learningRate(0.1)
                .weightDecay(0.01)
                .module(new L2GlobalClipping(1))
                .module(module(config))
                .build(),
        DType.FLOAT16,
        DType.FLOAT16,
        sizes);
  }

  @Test
  void tensorsOfSixteenBitsAreRefused() {
    try (TorchOptiModule adam = TorchOptiModule.of("Adam");
        TorchOptiModule sgd = TorchOptiModule.of("SGD");
        Vector half = Vector.builder().copy("w", DType.BFLOAT16, new double[] {1, 2}, 2).build();
        Vector gradients = half.materialize()) {
      for (TorchOptiModule one : List.of(adam, sgd)) {
        assertThatThrownBy(() -> one.stepInPlace(half, gradients, 0.1))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("'w' bfloat16[2]")
            .hasMessageContaining("MixedPrecision");
        assertThatThrownBy(() -> one.run(gradients, half))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("MixedPrecision");
      }
      assertThat(half.flatten()).containsExactly(1, 2);
    }
  }
}
