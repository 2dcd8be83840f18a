package org.optibridge.tensorflow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.optibridge.memory.ClosedException;
import org.optibridge.memory.NativeMemory;
import org.optibridge.memory.NativeStatus;
import org.optibridge.memory.OptiBridgeException;
import org.optibridge.modules.Momentum;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.Registry;
import org.optibridge.optimizer.State;
import org.optibridge.testing.RequiresTensorflow;
import org.optibridge.testing.RequiresTorch;
import org.optibridge.torch.TorchOptiModule;
import org.optibridge.vector.DType;
import org.optibridge.vector.Device;
import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorBuilder;
import org.optibridge.vector.VectorSpec;

@RequiresTensorflow
class TensorflowOptiModuleTest {
  private static final VectorSpec SPEC =
      new VectorSpec(
          List.of(
              new TensorSpec("w", DType.FLOAT32, Device.CPU, 3, 5),
              new TensorSpec("b", DType.FLOAT32, Device.CPU, 5),
              new TensorSpec("d", DType.FLOAT64, Device.CPU, 2, 2),
              new TensorSpec("s", DType.FLOAT64, Device.CPU),
              new TensorSpec("none", DType.FLOAT32, Device.CPU, 0, 4)));

  private static Vector filled(double start) {
    return fill(Vector.allocate(SPEC), start);
  }

  private static Vector fill(Vector vector, double start) {
    vector.fill(start);
    vector.assign(vector.plus(vector.sum().times(0.01)));
    return vector;
  }

  /** Gradients in four buffers of the caller's, each so many bytes after a multiple of 64. */
  private static Vector scattered(int shift) {
    VectorBuilder builder = Vector.builder();
    for (TensorSpec tensor : SPEC.tensors()) {
      int bytes = (int) tensor.bytes();
      ByteBuffer buffer = ByteBuffer.allocateDirect(bytes + 256).order(ByteOrder.nativeOrder());
      ByteBuffer aligned = buffer.alignedSlice(64);
      ByteBuffer part = aligned.position(shift).limit(shift + bytes).slice();
      builder.wrap(
          tensor.name(), part.order(ByteOrder.nativeOrder()), tensor.dtype(), tensor.shape());
    }
    return fill(builder.build(), 0.7);
  }

  private static double[] after(Vector params, Vector gradients, String name, int steps) {
    try (Optimizer optimizer =
        Optimizer.builder().learningRate(0.1).module(TensorflowOptiModule.of(name)).build()) {
      for (int i = 0; i < steps; i++) {
        optimizer.step(params, gradients);
      }
      return params.flatten();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"SGD", "Adam", "Nadam", "Lamb", "Adafactor", "Ftrl", "RMSprop"})
  void whereGradientsAndWeightsLieChangesNothing(String name) {
    double[] expected;
    try (Vector params = filled(1);
        Vector gradients = filled(0.7)) {
      expected = after(params, gradients, name, 4);
    }
    for (int shift : new int[] {0, 8}) {
      try (Vector params = filled(1);
          Vector gradients = scattered(shift)) {
        assertThat(after(params, gradients, name, 4)).containsExactly(expected);
      }
    }
    try (TensorflowOptiModule module = TensorflowOptiModule.of(name);
        TensorflowVariables weights = module.allocateWeights(SPEC);
        Vector gradients = filled(0.7)) {
      assertThat(after(fill(weights.vector(), 1), gradients, name, 4)).containsExactly(expected);
    }
  }

  @Test
  void nothingIsCopiedForWeightsInTensorflowsMemory() {
    try (Optimizer optimizer =
            Optimizer.builder().learningRate(0.1).module(TensorflowOptiModule.of("adam")).build();
        TensorflowOptiModule maker = TensorflowOptiModule.of("adam");
        TensorflowVariables weights = maker.allocateWeights(SPEC);
        Vector gradients = filled(0.7)) {
      optimizer.step(weights.vector(), gradients);
      long address = weights.vector().address("w");
      long copied = NativeMemory.copiedBytes();
      long live = NativeMemory.liveBytes();
      for (int i = 0; i < 50; i++) {
        optimizer.step(weights.vector(), gradients);
      }
      assertThat(NativeMemory.copiedBytes()).isEqualTo(copied);
      assertThat(NativeMemory.liveBytes()).isEqualTo(live);
      assertThat(weights.vector().address("w")).isEqualTo(address);
    }
  }

  @Test
  void whatHasToBeCopiedIsCounted() {
    long bytes = SPEC.bytes();
    try (Optimizer optimizer =
            Optimizer.builder().learningRate(0.1).module(TensorflowOptiModule.of("adam")).build();
        Vector params = filled(1);
        Vector gradients = filled(0.7)) {
      optimizer.step(params, gradients);
      long copied = NativeMemory.copiedBytes();
      optimizer.step(params, gradients);
      assertThat(NativeMemory.copiedBytes() - copied).isEqualTo(2 * bytes);
    }
    try (TensorflowOptiModule module = TensorflowOptiModule.of("adam");
        Vector gradients = scattered(8)) {
      module.run(gradients, null);
      long copied = NativeMemory.copiedBytes();
      module.run(gradients, null);
      assertThat(NativeMemory.copiedBytes() - copied).isEqualTo(bytes);
    }
    try (TensorflowOptiModule module = TensorflowOptiModule.of("adam");
        Vector gradients = scattered(0)) {
      module.run(gradients, null);
      long copied = NativeMemory.copiedBytes();
      module.run(gradients, null);
      assertThat(NativeMemory.copiedBytes()).isEqualTo(copied);
    }
  }

  @Test
  void everythingIsFreed() {
    long live = NativeMemory.liveBytes();
    long handles = NativeMemory.liveHandles();
    for (KerasOptimizerSpec spec : KerasOptimizers.all()) {
      try (TensorflowOptiModule module = TensorflowOptiModule.of(spec.name());
          Vector params = filled(1);
          Vector gradients = filled(0.7)) {
        module.run(gradients, params);
        try (State state = module.getState()) {
          module.reset();
          module.setState(state);
        }
        module.stepInPlace(params, gradients, 0.1);
      }
    }
    assertThat(NativeMemory.liveBytes()).isEqualTo(live);
    assertThat(NativeMemory.liveHandles()).isEqualTo(handles);
  }

  @Test
  void theLayoutMayChangeBetweenSteps() {
    try (TensorflowOptiModule module = TensorflowOptiModule.of("adam");
        TensorflowOptiModule other = TensorflowOptiModule.of("adam");
        Vector together = filled(0.7);
        Vector apart = scattered(0)) {
      for (int i = 0; i < 3; i++) {
        double[] expected = values(other.run(together, null));
        assertThat(values(module.run(i == 1 ? apart : together, null))).containsExactly(expected);
      }
    }
  }

  private static double[] values(Vector vector) {
    try (Vector stored = vector.materialize()) {
      return stored.flatten();
    }
  }

  @Test
  void stagesMayComeAfterIt() {
    try (Optimizer optimizer =
            Optimizer.builder()
                .learningRate(0.1)
                .module(TensorflowOptiModule.of("sgd"))
                .module(new Momentum(0.5, false, false))
                .build();
        Vector params = filled(1);
        Vector gradients = filled(0.7)) {
      double[] before = params.flatten();
      double[] slope = gradients.flatten();
      optimizer.step(params, gradients);
      double[] after = params.flatten();
      for (int i = 0; i < after.length; i++) {
        assertThat(after[i]).isCloseTo(before[i] - 0.1 * slope[i], within(1e-6));
      }
    }
  }

  private static org.assertj.core.data.Offset<Double> within(double value) {
    return org.assertj.core.data.Offset.offset(value);
  }

  @Test
  @RequiresTorch
  void bothFrameworksStepInTurn() {
    try (Optimizer torch =
            Optimizer.builder().learningRate(0.1).module(TorchOptiModule.of("Adam")).build();
        Optimizer keras =
            Optimizer.builder().learningRate(0.1).module(TensorflowOptiModule.of("adam")).build();
        Vector one = filled(1);
        Vector other = filled(1);
        Vector gradients = filled(0.7)) {
      for (int i = 0; i < 5; i++) {
        torch.step(one, gradients);
        keras.step(other, gradients);
      }
      double[] expected = one.flatten();
      double[] actual = other.flatten();
      for (int i = 0; i < actual.length; i++) {
        assertThat(actual[i]).isCloseTo(expected[i], within(1e-4));
      }
    }
  }

  @Test
  void theStateGoesOnBitForBit() {
    for (KerasOptimizerSpec spec : KerasOptimizers.all()) {
      try (TensorflowOptiModule module = TensorflowOptiModule.of(spec.name());
          TensorflowOptiModule fresh = TensorflowOptiModule.of(spec.name());
          Vector params = filled(1);
          Vector gradients = filled(0.7)) {
        module.run(gradients, params);
        module.run(gradients, params);
        try (State state = module.getState()) {
          fresh.setState(state);
        }
        assertThat(values(fresh.run(gradients, params)))
            .as(spec.name())
            .containsExactly(values(module.run(gradients, params)));
      }
    }
  }

  @Test
  void aMisfitIsRefusedBeforeAnythingChanges() {
    try (TensorflowOptiModule module = TensorflowOptiModule.of("adam");
        Vector gradients = filled(0.7);
        Vector other = Vector.builder().allocate("w", DType.FLOAT32, 3, 5).build()) {
      module.run(gradients, null);
      assertThatThrownBy(() -> module.run(other, null))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("the gradients lack 'b'");
      assertThat(module.iterations()).isEqualTo(1);
      module.reset();
      module.run(other, null);
      try (State state = module.getState();
          TensorflowOptiModule sgd = TensorflowOptiModule.of("sgd");
          TensorflowOptiModule amsgrad = TensorflowOptiModule.of("adam", Map.of("amsgrad", true))) {
        assertThatThrownBy(() -> sgd.setState(state))
            .hasMessageContaining("A state of keras.optimizers.Adam can't be loaded into");
        assertThatThrownBy(() -> amsgrad.setState(state)).hasMessageContaining("velocity_hat");
        state.put("iterations", -1);
        assertThatThrownBy(() -> module.setState(state)).hasMessageContaining("not a count");
        assertThat(module.iterations()).isEqualTo(1);
      }
    }
  }

  @Test
  void averagesNeedTheWeights() {
    try (TensorflowOptiModule module = TensorflowOptiModule.of("sgd", Map.of("use_ema", true));
        Vector gradients = filled(0.7)) {
      assertThatThrownBy(() -> module.run(gradients, null))
          .isInstanceOf(UnsupportedOperationException.class)
          .hasMessageContaining("must be the last of the pipeline");
    }
  }

  @Test
  void useAfterCloseIsRefused() {
    TensorflowOptiModule module = TensorflowOptiModule.of("adam");
    module.close();
    module.close();
    try (Vector gradients = filled(0.7)) {
      assertThatThrownBy(() -> module.run(gradients, null))
          .isInstanceOf(ClosedException.class)
          .hasMessageContaining("keras.optimizers.Adam");
    }
    try (TensorflowOptiModule open = TensorflowOptiModule.of("adam");
        Vector gradients = filled(0.7)) {
      TensorflowVariables weights = open.allocateWeights(SPEC);
      open.stepInPlace(weights.vector(), gradients, 0.1);
      weights.close();
      assertThatThrownBy(() -> open.stepInPlace(weights.vector(), gradients, 0.1))
          .isInstanceOf(ClosedException.class);
    }
  }

  @Test
  void nativeErrorsKeepTheirKind() {
    List<Class<? extends RuntimeException>> kinds = new ArrayList<>();
    for (int kind = 1; kind <= 5; kind++) {
      int raised = kind;
      try {
        NativeStatus.check(TensorflowLibrary.ob_tf_raise_for_test(raised));
      } catch (RuntimeException e) {
        kinds.add(e.getClass());
        if (raised == 5) {
          assertThat(e).hasMessageContaining("AddV2 of 'a test': cannot compute AddV2");
        }
      }
    }
    assertThat(kinds).hasSize(5).contains(OptiBridgeException.class);
    assertThat(kinds.get(1)).isEqualTo(IllegalArgumentException.class);
  }

  @Test
  void itIsRegisteredAndItsConfigMakesAnother() {
    try (TensorflowOptiModule module =
            TensorflowOptiModule.of(
                KerasOptimizer.of("AdamW", Map.of("clipnorm", 2))
                    .excludingFromWeightDecay("bias"));
        TensorflowOptiModule same =
            (TensorflowOptiModule) Registry.module(TensorflowOptiModule.NAME, module.getConfig());
        TensorflowOptiModule named =
            (TensorflowOptiModule)
                Registry.module(
                    TensorflowOptiModule.NAME, Map.of("optim", "keras.optimizers.Adam"))) {
      assertThat(same.getConfig()).isEqualTo(module.getConfig());
      assertThat(same.optimizer().excludedFromWeightDecay()).containsExactly("bias");
      assertThat(named.optimizer().spec().name()).isEqualTo("Adam");
      assertThat(Arrays.asList(module.name(), same.name())).containsOnly(TensorflowOptiModule.NAME);
    }
  }

  @Test
  void threadsAreSetBeforeTheFirstStep() {
    assertThat(TensorflowRuntime.version()).startsWith("2.18");
    try (TensorflowOptiModule module = TensorflowOptiModule.of("adam");
        Vector gradients = filled(0.7)) {
      module.run(gradients, null);
      assertThatThrownBy(() -> TensorflowRuntime.setThreads(7, 3))
          .isInstanceOf(UnsupportedOperationException.class)
          .hasMessageContaining("TensorFlow runs already");
    }
  }
}
