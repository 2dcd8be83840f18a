package org.optibridge.optimizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.optibridge.memory.NativeMemory;
import org.optibridge.modules.Adam;
import org.optibridge.modules.GradientAccumulation;
import org.optibridge.modules.L2GlobalClipping;
import org.optibridge.modules.Momentum;
import org.optibridge.modules.NonFiniteGuard;
import org.optibridge.modules.WeightsEma;
import org.optibridge.regularizers.FedProx;
import org.optibridge.state.StateFormat;
import org.optibridge.testing.MixedReference;
import org.optibridge.vector.DType;
import org.optibridge.vector.Vector;

/** Weights of 16 bits against float32 weights that are rounded after each step. */
class MixedPrecisionTest {
  private static OptimizerBuilder builder() {
    return Optimizer.builder().learningRate(0.01);
  }

  private static Adam adam() {
    return new Adam(0.9, 0.999, false, 1e-8, false);
  }

  private static Optimizer simple() {
    return builder().module(adam()).build();
  }

  static List<Arguments> pipelines() {
    List<Supplier<Optimizer>> pipelines =
        List.of(
            () -> builder().build(),
            MixedPrecisionTest::simple,
            () ->
                builder()
                    .weightDecay(0.01)
                    .regularizer(new FedProx(0.1))
                    .module(new L2GlobalClipping(1))
                    .module(adam())
                    .build(),
            () ->
                builder()
                    .module(new NonFiniteGuard(NonFiniteGuard.Action.SKIP))
                    .module(new WeightsEma(0.9))
                    .module(new GradientAccumulation(2))
                    .module(new Momentum(0.9, true, false))
                    .build());
    return pipelines.stream()
        .flatMap(
            one ->
                List.of(DType.BFLOAT16, DType.FLOAT16).stream()
                    .map(dtype -> Arguments.of(one, dtype)))
        .toList();
  }

  @ParameterizedTest
  @MethodSource("pipelines")
  void trainingIsThatOfRoundedMasterWeights(Supplier<Optimizer> pipeline, DType dtype) {
    for (DType gradients : List.of(dtype, DType.FLOAT32)) {
      MixedReference.agrees(pipeline, dtype, gradients, 3, 700, 1);
      MixedReference.agrees(pipeline, dtype, gradients, 9_001, 33);
    }
  }

  @Test
  void severalThreadsDoTheSame() {
    MixedReference.agrees(MixedPrecisionTest::simple, DType.BFLOAT16, DType.FLOAT16, 150_001, 33);
  }

  /** Nothing is lost that a bfloat16 can't hold. */
  @Test
  void smallUpdatesAddUp() {
    try (MixedPrecision mixed = new MixedPrecision(Optimizer.builder().learningRate(1).build());
        Vector weights = Vector.builder().copy("w", DType.BFLOAT16, new double[] {1}, 1).build();
        Vector gradients =
            Vector.builder().copy("w", DType.BFLOAT16, new double[] {-0x1p-12}, 1).build()) {
      for (int i = 0; i < 16; i++) {
        mixed.step(weights, gradients);
      }
      assertThat(mixed.masterWeights().flatten()).containsExactly(1 + 0x1p-8);
      assertThat(weights.flatten()).containsExactly(1); // a tie, to even
      mixed.step(weights, gradients);
      assertThat(weights.flatten()).containsExactly(1 + 0x1p-7);
    }
  }

  @Test
  void float32WeightsTakeConvertedGradients() {
    try (Optimizer one = simple();
        Optimizer other = simple();
        Vector weights = MixedReference.random(DType.FLOAT32, 1, 70_000);
        Vector expected = weights.materialize()) {
      for (int i = 0; i < 3; i++) {
        try (Vector gradients = MixedReference.random(DType.FLOAT16, 2 + i, 70_000);
            Vector single = gradients.to(DType.FLOAT32).materialize()) {
          one.step(weights, gradients.to(DType.FLOAT32));
          other.step(expected, single);
        }
      }
      assertThat(weights.flatten()).isEqualTo(expected.flatten());
    }
  }

  private interface Order {
    void restore(MixedPrecision to, State state, Vector weights, Vector saved);
  }

  @Test
  void trainingGoesOnFromAState() {
    List<Order> orders =
        List.of(
            (to, state, weights, saved) -> {
              to.setState(state);
              weights.assign(saved);
            },
            (to, state, weights, saved) -> {
              weights.assign(saved);
              to.setState(state);
            });
    for (Order order : orders) {
      try (MixedPrecision first = new MixedPrecision(simple());
          MixedPrecision second = new MixedPrecision(simple());
          Vector weights = MixedReference.random(DType.BFLOAT16, 1, 5, 900);
          Vector others = MixedReference.random(DType.BFLOAT16, 2, 5, 900);
          Vector gradients = MixedReference.random(DType.BFLOAT16, 3, 5, 900)) {
        first.step(weights, gradients);
        second.step(others, gradients);
        try (State state = first.getState();
            State read = StateFormat.read(StateFormat.write(state))) {
          assertThat(StateValues.of(read)).isEqualTo(StateValues.of(state));
          order.restore(second, read, others, weights);
        }
        for (int i = 0; i < 3; i++) {
          first.step(weights, gradients);
          second.step(others, gradients);
        }
        assertThat(others.flatten()).isEqualTo(weights.flatten());
        assertThat(second.masterWeights().flatten()).isEqualTo(first.masterWeights().flatten());
      }
    }
  }

  @Test
  void writesToTheWeightsAreTakenOver() {
    try (MixedPrecision mixed = new MixedPrecision(Optimizer.builder().learningRate(1).build());
        Vector weights = Vector.builder().copy("w", DType.FLOAT16, new double[] {1, 2}, 2).build();
        Vector gradients = Vector.builder().copy("w", new float[] {0x1p-14f, 0x1p-14f}, 2).build();
        Vector values = Vector.builder().copy("w", new float[] {5.1f, 6}, 2).build()) {
      mixed.step(weights, gradients);
      // Equal values are no change.
      try (Vector same = weights.materialize()) {
        weights.assign(same);
      }
      mixed.step(weights, gradients);
      assertThat(mixed.masterWeights().flatten()).containsExactly(1 - 0x1p-13, 2 - 0x1p-13);
      weights.fill(3);
      mixed.step(weights, gradients);
      assertThat(mixed.masterWeights().flatten()).containsExactly(3 - 0x1p-14, 3 - 0x1p-14);
      mixed.assign(weights, values);
      assertThat(mixed.masterWeights().flatten()).containsExactly(5.1f, 6);
      assertThat(weights.flatten()).containsExactly(DType.FLOAT16.round(5.1f), 6);
      mixed.applyUpdates(weights, gradients);
      assertThat(mixed.masterWeights().flatten()).containsExactly(5.1f + 0x1p-14f, 6 + 0x1p-14f);
      mixed.reload();
      assertThatThrownBy(mixed::masterWeights).isInstanceOf(IllegalStateException.class);
      mixed.step(weights, gradients);
      assertThat(mixed.masterWeights().flatten()[1]).isEqualTo(6 - 0x1p-14);
    }
  }

  @Test
  void tensorsMayBeOfOtherTypes() {
    try (MixedPrecision mixed = new MixedPrecision(Optimizer.builder().learningRate(0.5).build());
        Vector weights =
            Vector.builder()
                .copy("h", DType.BFLOAT16, new double[] {1}, 1)
                .copy("s", DType.FLOAT32, new double[] {1}, 1)
                .copy("d", DType.FLOAT64, new double[] {1}, 1)
                .build();
        Vector gradients =
            Vector.builder()
                .copy("h", DType.FLOAT16, new double[] {0.1}, 1)
                .copy("s", DType.BFLOAT16, new double[] {0.25}, 1)
                .copy("d", DType.FLOAT32, new double[] {0.25}, 1)
                .build()) {
      mixed.step(weights, gradients);
      float first = 1 - 0.5f * (float) DType.FLOAT16.round(0.1);
      assertThat(weights.flatten()).containsExactly(DType.BFLOAT16.round(first), 0.875, 0.875);
    }
  }

  @Test
  void aSkippedStepChangesNothing() {
    GradientScaler scaler = new GradientScaler();
    try (MixedPrecision mixed = new MixedPrecision(simple());
        Vector weights = MixedReference.random(DType.FLOAT16, 1, 9);
        Vector good = MixedReference.random(DType.FLOAT16, 2, 9);
        Vector bad = Vector.filled(good.spec(), Double.POSITIVE_INFINITY)) {
      assertThat(scaler.step(mixed, weights, bad)).isFalse();
      scaler.update();
      assertThatThrownBy(mixed::masterWeights).isInstanceOf(IllegalStateException.class);
      scaler.step(mixed, weights, good);
      scaler.update();
      double[] before = weights.flatten();
      double[] master = mixed.masterWeights().flatten();
      var state = StateValues.of(mixed.optimizer());
      assertThat(scaler.step(mixed, weights, bad)).isFalse();
      scaler.update();
      assertThat(weights.flatten()).isEqualTo(before);
      assertThat(mixed.masterWeights().flatten()).isEqualTo(master);
      assertThat(StateValues.of(mixed.optimizer())).isEqualTo(state);
      assertThat(scaler.scale()).isEqualTo(65536 / 4);
    }
  }

  /** A guard that ends the first step undoes the master weights too. */
  @Test
  void aGuardedFirstStepLeavesNoMasterWeights() {
    long bytes = NativeMemory.liveBytes();
    try (MixedPrecision mixed =
            new MixedPrecision(
                builder().module(new NonFiniteGuard(NonFiniteGuard.Action.SKIP)).build());
        Vector weights = MixedReference.random(DType.FLOAT16, 1, 9);
        Vector bad = Vector.filled(weights.spec(), Double.NaN);
        Vector other = MixedReference.random(DType.FLOAT16, 1, 4);
        Vector good = MixedReference.random(DType.FLOAT16, 2, 4)) {
      assertThat(mixed.step(weights, bad)).isFalse();
      assertThat(mixed.step(other, good)).isTrue(); // of other shapes
    }
    assertThat(NativeMemory.liveBytes()).isEqualTo(bytes);
  }

  @Test
  void misuseIsNamed() {
    try (MixedPrecision mixed = new MixedPrecision(simple());
        Optimizer plain = simple();
        Vector half = MixedReference.random(DType.FLOAT16, 1, 3);
        Vector single = MixedReference.random(DType.FLOAT32, 1, 3);
        Vector longer = MixedReference.random(DType.FLOAT16, 1, 4)) {
      assertThatThrownBy(() -> plain.step(half, single))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("'w0' float16[3]");
      for (Runnable one :
          List.<Runnable>of(
              () -> plain.step(half, longer.to(half.spec())),
              () -> plain.applyUpdates(half, single),
              () -> plain.computeUpdates(half, single))) {
        assertThatThrownBy(one::run).isInstanceOf(IllegalArgumentException.class);
      }
      try (Vector gradients = half.materialize()) {
        assertThatThrownBy(() -> plain.step(half, gradients))
            .hasMessageContaining("MixedPrecision");
        assertThatThrownBy(() -> plain.applyUpdates(half, gradients))
            .hasMessageContaining("MixedPrecision");
        assertThatThrownBy(() -> plain.step(single, gradients))
            .hasMessageContaining("'w0'")
            .hasMessageContaining("Vector.to(DType)");
        assertThatThrownBy(() -> mixed.step(single, gradients))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("'w0' float32[3]")
            .hasMessageContaining("Optimizer");
        assertThatThrownBy(() -> mixed.step(half, longer))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("'w0' float16[4]");
        assertThatThrownBy(() -> mixed.step(half, half)).hasMessageContaining("the same vector");
        assertThatThrownBy(() -> mixed.step(half.to(DType.BFLOAT16), gradients))
            .hasMessageContaining("expression");
        mixed.step(half, gradients);
        try (Vector more = longer.materialize()) {
          assertThatThrownBy(() -> mixed.step(longer, more)).hasMessageContaining("master");
        }
        try (State state = mixed.getState();
            State wrong = new State().put("master", 1)) {
          double[] master = mixed.masterWeights().flatten();
          assertThatThrownBy(() -> mixed.setState(wrong)).hasMessageContaining("optimizer");
          assertThat(mixed.masterWeights().flatten()).isEqualTo(master);
          mixed.setState(state);
          assertThat(mixed.masterWeights().flatten()).isEqualTo(master);
        }
      }
    }
  }
}
