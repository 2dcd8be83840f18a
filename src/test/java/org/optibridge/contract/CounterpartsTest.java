package org.optibridge.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.optibridge.modules.Adam;
import org.optibridge.modules.L2GlobalClipping;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.OptimizerBuilder;
import org.optibridge.optimizer.WeightDecay;
import org.optibridge.regularizers.FedProx;
import org.optibridge.tensorflow.KerasOptimizerSpec;
import org.optibridge.tensorflow.KerasOptimizers;
import org.optibridge.tensorflow.TensorflowOptiModule;
import org.optibridge.tensorflow.TensorflowVariables;
import org.optibridge.testing.NoLeaks;
import org.optibridge.testing.RequiresTensorflow;
import org.optibridge.testing.RequiresTorch;
import org.optibridge.torch.TorchOptiModule;
import org.optibridge.vector.DType;
import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorBuilder;

/**
 * The same ten steps through torch's, Keras's and the core's optimizers give the same numbers,
 * whatever the binding and whatever stands before and after them in the pipeline.
 *
 * <p><b>Tolerance.</b> With equal conventions nothing but rounding is left. A step rounds some
 * twenty times between gradient and output (moments, corrections, powers, root, quotient,
 * difference), by half a unit in the last place, in either implementation: 400 times in ten steps.
 * Roundings go either way and add up as the root of their number, so 20 half units of the tensor's
 * largest element are to be expected; twice that is allowed.
 */
@ExtendWith(NoLeaks.class)
@RequiresTensorflow
@RequiresTorch
class CounterpartsTest {
  private static final int STEPS = 10;
  private static final double HALF_UNITS = 40;
  private static final double RATE = 0.0625;

  // A matrix, odd and even lengths, three dimensions, none, no elements.
  private static final List<long[]> SHAPES =
      List.of(
          new long[] {7, 5},
          new long[] {33},
          new long[] {2, 3, 4},
          new long[] {},
          new long[] {0, 3},
          new long[] {1},
          new long[] {1003},
          new long[] {64, 48});

  static Stream<Arguments> cases() {
    return Counterpart.all().stream()
        .flatMap(
            one -> Stream.of(DType.FLOAT32, DType.FLOAT64).map(dtype -> Arguments.of(one, dtype)));
  }

  private static Vector random(DType dtype, long seed, double scale) {
    Random random = new Random(seed);
    VectorBuilder builder = Vector.builder();
    for (int i = 0; i < SHAPES.size(); i++) {
      Tensors.add(builder, random, "w" + i, dtype, SHAPES.get(i));
    }
    Vector vector = builder.build();
    vector.assign(vector.times(scale));
    return vector;
  }

  /** What the direction of each step is, with or without the weights at hand. */
  @ParameterizedTest(name = "{0}, {1}")
  @MethodSource("cases")
  void directionsAgree(Counterpart one, DType dtype) {
    List<List<Vector>> all = new ArrayList<>();
    try {
      for (Supplier<OptiModule> maker : one.makers()) {
        all.add(directions(maker, dtype, one.readsWeights()));
      }
      for (int other = 1; other < all.size(); other++) {
        for (int step = 0; step < STEPS; step++) {
          requireNear(one, step, all.get(0).get(step), all.get(other).get(step));
        }
      }
    } finally {
      all.forEach(of -> of.forEach(Vector::close));
    }
  }

  private static List<Vector> directions(Supplier<OptiModule> maker, DType dtype, boolean weights) {
    List<Vector> outputs = new ArrayList<>();
    try (OptiModule module = maker.get();
        Vector params = random(dtype, 1, 1)) {
      for (int step = 0; step < STEPS; step++) {
        try (Vector gradients = random(dtype, 10 + step, 1)) {
          Vector out = module.run(gradients, weights ? params : null);
          assertThat(out).isNotNull();
          outputs.add(out.materialize());
          // Enough to make the weights count without feeding differences back.
          params.assign(params.times(0.875));
        }
      }
    }
    return outputs;
  }

  /** The weights after ten steps, whichever module ends the pipeline. */
  @ParameterizedTest(name = "{0}, {1}")
  @MethodSource("cases")
  void weightsAgreeInPlace(Counterpart one, DType dtype) {
    compare(one, dtype, module -> Optimizer.builder().learningRate(RATE).module(module));
  }

  /** A whole pipeline, in which one framework's module takes the place of the other's. */
  @ParameterizedTest(name = "{0}, {1}")
  @MethodSource("cases")
  void oneFrameworkTakesTheOthersPlace(Counterpart one, DType dtype) {
    compare(
        one,
        dtype,
        module ->
            Optimizer.builder()
                .learningRate(RATE)
                .weightDecay(0.03125)
                .regularizer(new FedProx(0.25))
                .module(new L2GlobalClipping(8))
                .module(module));
  }

  /** The decoupled decay of AdamW is the pipeline's own around plain Adam. */
  @ParameterizedTest
  @MethodSource("dtypes")
  void decoupledDecayIsThePipelines(DType dtype) {
    Counterpart adamw =
        Counterpart.all().stream()
            .filter(one -> one.name().equals("AdamW"))
            .findAny()
            .orElseThrow();
    try (Vector expected =
        trained(
            new Adam(Counterpart.BETA_1, Counterpart.BETA_2, false, 0, false),
            dtype,
            module ->
                Optimizer.builder()
                    .learningRate(RATE)
                    .weightDecay(Counterpart.DECAY)
                    .weightDecayMode(WeightDecay.TIMES_RATE)
                    .module(module),
            false)) {
      for (Supplier<OptiModule> maker : adamw.makers()) {
        try (Vector actual =
            trained(
                maker.get(),
                dtype,
                module -> Optimizer.builder().learningRate(RATE).module(module),
                false)) {
          requireNear(adamw, STEPS, expected, actual);
        }
      }
    }
  }

  @Test
  void everyOptimizerOfKerasIsComparedOrSaysWhyNot() {
    List<String> compared = new ArrayList<>(Counterpart.ALONE.keySet());
    for (Counterpart one : Counterpart.all()) {
      try (TensorflowOptiModule module = (TensorflowOptiModule) one.keras().get()) {
        compared.add(module.optimizer().spec().name());
      }
    }
    assertThat(compared)
        .containsAll(KerasOptimizers.all().stream().map(KerasOptimizerSpec::name).toList());
  }

  /** What the tolerance tells apart: one convention that differs, by a small epsilon. */
  @ParameterizedTest
  @MethodSource("dtypes")
  void conventionsThatDifferAreSeen(DType dtype) {
    Counterpart one =
        new Counterpart(
            "Adam with epsilon",
            () -> TorchOptiModule.of("Adam", Map.of("eps", 1e-4)),
            () -> TensorflowOptiModule.of("Adam", Map.of("epsilon", 1e-4)),
            null,
            false,
            false);
    assertThatThrownBy(
            () ->
                compare(
                    one, dtype, module -> Optimizer.builder().learningRate(RATE).module(module)))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("in half units");
  }

  static List<DType> dtypes() {
    return List.of(DType.FLOAT32, DType.FLOAT64);
  }

  private interface Pipeline {
    OptimizerBuilder around(OptiModule module);
  }

  private static void compare(Counterpart one, DType dtype, Pipeline pipeline) {
    List<Vector> all = new ArrayList<>();
    try {
      for (Supplier<OptiModule> maker : one.makers()) {
        all.add(trained(maker.get(), dtype, pipeline, false));
      }
      all.add(trained(one.keras().get(), dtype, pipeline, true));
      for (Vector other : all.subList(1, all.size())) {
        requireNear(one, STEPS, all.get(0), other);
      }
      try (Vector start = random(dtype, 1, 1)) {
        assertThat(all.get(0).flatten()).isNotEqualTo(start.flatten());
      }
    } finally {
      all.forEach(Vector::close);
    }
  }

  /**
   * Weights after ten steps.
   *
   * @param home whether they lie in TensorFlow's own memory
   */
  private static Vector trained(OptiModule module, DType dtype, Pipeline pipeline, boolean home) {
    try (Optimizer optimizer = pipeline.around(module).build();
        Vector start = random(dtype, 1, 1)) {
      TensorflowVariables variables =
          home ? ((TensorflowOptiModule) module).allocateWeights(start.spec()) : null;
      try {
        Vector params = variables == null ? start : variables.vector();
        params.assign(start);
        for (int step = 0; step < STEPS; step++) {
          if (step % 4 == 0) {
            optimizer.startRound();
          }
          try (Vector gradients = random(dtype, 10 + step, 1)) {
            assertThat(optimizer.step(params, gradients)).isTrue();
          }
        }
        return params.materialize();
      } finally {
        if (variables != null) {
          variables.close();
        }
      }
    }
  }

  private static void requireNear(Counterpart one, int step, Vector expected, Vector actual) {
    for (TensorSpec tensor : expected.spec().tensors()) {
      boolean single = tensor.dtype() == DType.FLOAT32 || one.singleInside();
      double unit = single ? 0x1p-24 : 0x1p-53;
      double[] wanted = expected.toDoubles(tensor.name());
      double[] got = actual.toDoubles(tensor.name());
      double largest = 0;
      double furthest = 0;
      for (int i = 0; i < wanted.length; i++) {
        largest = Math.max(largest, Math.abs(wanted[i]));
        furthest = Math.max(furthest, Math.abs(wanted[i] - got[i]));
      }
      assertThat(furthest)
          .as("%s, step %d, %s, in half units: %s", one, step, tensor, furthest / (unit * largest))
          .isFinite()
          .isLessThanOrEqualTo(HALF_UNITS * unit * largest);
    }
  }
}
