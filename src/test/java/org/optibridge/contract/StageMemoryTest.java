package org.optibridge.contract;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.optibridge.contract.Tensors.Layout;
import org.optibridge.memory.NativeMemory;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.testing.NoLeaks;
import org.optibridge.vector.DType;
import org.optibridge.vector.Vector;

/**
 * In the steady state, a step holds no more native memory than the one before, not even shortly.
 */
@ExtendWith(NoLeaks.class)
class StageMemoryTest {
  // Far below the 1 MB of the weights, and none is needed today.
  private static final long SMALL = 16 * 1024;

  private static Vector params;
  private static Vector gradients;

  @BeforeAll
  static void make() {
    params = Vector.builder().allocate("w", DType.FLOAT32, 250_000).build();
    gradients = params.materialize();
    gradients.fill(0.01);
  }

  @AfterAll
  static void close() {
    params.close();
    gradients.close();
  }

  @ParameterizedTest
  @MethodSource("org.optibridge.contract.Examples#all")
  void stepsAllocateNothing(Example example) {
    try (Optimizer optimizer = StageInPipelineTest.with(example.make()).build()) {
      steady(optimizer);
    }
  }

  @ParameterizedTest
  @MethodSource("org.optibridge.contract.Examples#all")
  void stepsInPlaceAllocateNothing(Example example) {
    // Weights that are not in TensorFlow's memory are copied there and back.
    long weights = 4 * params.spec().numel();
    long copied = example.name().equals("tensorflow-optim") ? 2 * weights : 0;
    try (Optimizer optimizer = StageInPipelineTest.with(example.make(), 0).build()) {
      steady(optimizer, copied);
    }
  }

  @ParameterizedTest
  @MethodSource("org.optibridge.contract.Examples#all")
  void stepsAmidOthersAllocateNothing(Example example) {
    try (Optimizer optimizer = StageInPipelineTest.amidOthers(example)) {
      steady(optimizer);
    }
  }

  private static void steady(Optimizer optimizer) {
    steady(optimizer, 0);
  }

  private static void steady(Optimizer optimizer, long copiedEachStep) {
    for (int step = 0; step < 3; step++) {
      optimizer.step(params, gradients);
    }
    long bytes = NativeMemory.liveBytes();
    long handles = NativeMemory.liveHandles();
    long copied = NativeMemory.copiedBytes();
    NativeMemory.resetPeak();
    for (int step = 0; step < 20; step++) {
      optimizer.step(params, gradients);
      assertThat(NativeMemory.liveBytes()).isEqualTo(bytes);
    }
    assertThat(NativeMemory.liveHandles()).isEqualTo(handles);
    assertThat(NativeMemory.peakBytes()).isBetween(bytes, bytes + SMALL);
    assertThat(NativeMemory.copiedBytes()).isEqualTo(copied + 20 * copiedEachStep);
  }

  /** The test above sees an allocation if there is one. */
  @ParameterizedTest
  @EnumSource(Layout.class)
  void temporaryOfTheSizeOfTheModelWouldShow(Layout layout) {
    long bytes = NativeMemory.liveBytes();
    NativeMemory.resetPeak();
    try (Vector values = layout.large(1);
        Vector temporary = values.materialize()) {
      assertThat(temporary.isStored()).isTrue();
    }
    assertThat(NativeMemory.liveBytes()).isEqualTo(bytes);
    assertThat(NativeMemory.peakBytes()).isGreaterThan(bytes + SMALL);
  }
}
