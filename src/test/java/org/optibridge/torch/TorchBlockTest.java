package org.optibridge.torch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.optibridge.memory.NativeMemory;
import org.optibridge.modules.Ewma;
import org.optibridge.modules.L2GlobalClipping;
import org.optibridge.optimizer.FormulaModule;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.OptimizerBuilder;
import org.optibridge.optimizer.State;
import org.optibridge.regularizers.FedProx;
import org.optibridge.testing.FailingModule;
import org.optibridge.testing.RequiresTorch;
import org.optibridge.vector.DType;
import org.optibridge.vector.Vector;

/**
 * Large tensors, whose fused steps are instructions of the pipeline's sweep, against the same
 * stages one by one, where the step is a whole-tensor call.
 */
@RequiresTorch
class TorchBlockTest {
  // Not multiples of anything, and enough for several threads.
  private static final long[][] SHAPES = {{150_001}, {301, 233}};

  private static final List<Map.Entry<String, Map<String, Object>>> OPTIMIZERS =
      List.of(
          Map.entry("SGD", Map.of()),
          Map.entry("SGD", Map.of("momentum", 0.9, "nesterov", true)),
          Map.entry("Adam", Map.of()),
          Map.entry("Adam", Map.of("amsgrad", true, "weight_decay", 0.1)),
          Map.entry("AdamW", Map.of("weight_decay", 0.1)),
          Map.entry("Adagrad", Map.of("initial_accumulator_value", 0.1)));

  static Stream<Arguments> cases() {
    return OPTIMIZERS.stream()
        .flatMap(
            entry ->
                Stream.of(DType.FLOAT32, DType.FLOAT64)
                    .flatMap(
                        dtype ->
                            Stream.of("first", "between", "last")
                                .map(
                                    place ->
                                        Arguments.of(
                                            entry.getKey(), entry.getValue(), dtype, place))));
  }

  private static List<OptiModule> stages(String name, Map<String, Object> kwargs, String place) {
    OptiModule torch = TorchOptiModule.of(name, kwargs);
    OptiModule clip = new L2GlobalClipping(5);
    OptiModule average = new Ewma(0.5, false);
    return switch (place) {
      // What the kernel makes is needed for a norm, and again after it.
      case "first" -> List.of(torch, clip, average);
      case "between" -> List.of(clip, torch, average);
      default -> List.of(average, clip, torch);
    };
  }

  private static Vector filled(DType dtype, double phase) {
    var builder = Vector.builder();
    for (int t = 0; t < SHAPES.length; t++) {
      int numel = (int) (SHAPES[t].length == 1 ? SHAPES[t][0] : SHAPES[t][0] * SHAPES[t][1]);
      double[] values = new double[numel];
      float[] narrow = new float[numel];
      for (int i = 0; i < numel; i++) {
        values[i] = Math.sin(phase + 0.37 * i + t);
        narrow[i] = (float) values[i];
      }
      if (dtype == DType.FLOAT32) {
        builder.copy("t" + t, narrow, SHAPES[t]);
      } else {
        builder.copy("t" + t, values, SHAPES[t]);
      }
    }
    return builder.build();
  }

  @ParameterizedTest
  @MethodSource("cases")
  void pipelineEqualsItsStages(String name, Map<String, Object> kwargs, DType dtype, String place) {
    OptimizerBuilder builder =
        Optimizer.builder().learningRate(0.1).weightDecay(0.01).regularizer(new FedProx(0.1));
    stages(name, kwargs, place).forEach(builder::module);
    List<OptiModule> single = stages(name, kwargs, place);
    try (Optimizer optimizer = builder.build();
        FedProx fedprox = new FedProx(0.1);
        Vector params = filled(dtype, 0);
        Vector expected = filled(dtype, 0)) {
      for (int step = 0; step < 4; step++) {
        try (Vector gradients = filled(dtype, 1 + step)) {
          optimizer.step(params, gradients);
          List<Vector> temporaries = new ArrayList<>();
          Vector direction = keep(fedprox.run(gradients, expected), temporaries);
          for (OptiModule stage : single) {
            direction = keep(stage.run(direction, expected), temporaries);
          }
          expected.assign(expected.plus(direction.times(-0.1).minus(expected.times(0.01))));
          temporaries.forEach(Vector::close);
        }
      }
      assertClose(expected, params, dtype == DType.FLOAT32 ? 2e-6 : 1e-13);
    } finally {
      single.forEach(OptiModule::close);
    }
  }

  private static Vector keep(@Nullable Vector value, List<Vector> temporaries) {
    Vector stored = value.materialize();
    temporaries.add(stored);
    return stored;
  }

  private static void assertClose(Vector expected, Vector actual, double tolerance) {
    double[] e = expected.flatten();
    double[] a = actual.flatten();
    for (int i = 0; i < e.length; i++) {
      assertEquals(e[i], a[i], tolerance * (1 + Math.abs(e[i])), "element " + i);
    }
  }

  @Test
  void pipelineNeedsNoArtificialParameter() {
    try (Optimizer optimizer =
            Optimizer.builder()
                .learningRate(0.1)
                .weightDecay(0.01)
                .module(new L2GlobalClipping(1))
                .module(TorchOptiModule.of("Adam"))
                .build();
        Vector params = filled(DType.FLOAT32, 0);
        Vector gradients = filled(DType.FLOAT32, 1)) {
      long before = NativeMemory.liveBytes();
      for (int i = 0; i < 3; i++) {
        optimizer.step(params, gradients);
      }
      long model = 4 * params.spec().numel();
      long added = NativeMemory.liveBytes() - before;
      assertTrue(Math.abs(added - 2 * model) < model / 100, "two moments and nothing else");
    }
  }

  @Test
  void stepThatFailsLaterIsNotTaken() {
    OptiModule failing = new FailingModule();
    TorchOptiModule adam = TorchOptiModule.of("Adam");
    try (Optimizer optimizer =
            Optimizer.builder().learningRate(0.1).module(adam).module(failing).build();
        Vector params = filled(DType.FLOAT32, 0);
        Vector before = filled(DType.FLOAT32, 0);
        Vector gradients = filled(DType.FLOAT32, 1)) {
      assertThrows(ArithmeticException.class, () -> optimizer.step(params, gradients));
      assertClose(before, params, 0);
      try (State state = adam.getState()) {
        assertFalse(state.has("state"));
      }
    }
  }

  @Test
  void resultIsReadTwiceButSteppedOnce() {
    TorchOptiModule adam = TorchOptiModule.of("Adam");
    OptiModule looking =
        new FormulaModule("looking") {
          @Override
          protected Vector compute(Vector gradients, @Nullable Vector params) {
            assertFalse(Double.isNaN(gradients.total().value()));
            return gradients.plus(gradients.times(gradients.norm().times(0)));
          }

          @Override
          public Map<String, Object> getConfig() {
            return Map.of();
          }
        };
    try (Optimizer optimizer =
            Optimizer.builder().learningRate(0.1).module(adam).module(looking).build();
        Vector params = filled(DType.FLOAT32, 0);
        Vector gradients = filled(DType.FLOAT32, 1)) {
      optimizer.step(params, gradients);
      optimizer.step(params, gradients);
      try (State state = adam.getState()) {
        assertEquals(2, state.vector("state").toDoubles("0.step")[0]);
      }
    }
  }
}
