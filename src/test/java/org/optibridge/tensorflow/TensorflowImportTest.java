package org.optibridge.tensorflow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.optibridge.memory.NativeMemory;
import org.optibridge.modules.Momentum;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.State;
import org.optibridge.tensorflow.SavedModels.Attribute;
import org.optibridge.tensorflow.SavedModels.Function;
import org.optibridge.testing.RequiresTensorflow;
import org.optibridge.vector.DType;
import org.optibridge.vector.Device;
import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorBuilder;
import org.optibridge.vector.VectorSpec;

/** Steps from SavedModels: what they compute, in every binding. */
@RequiresTensorflow
class TensorflowImportTest {
  /**
   * Written by {@code export_keras_optimizer.py --to yogi --option beta_1 --option beta_2 --option
   * epsilon --element-wise --ignores-weights samples/own-saved-model/steps.py:Yogi} with TensorFlow
   * 2.18.0 and Keras 3.15.1.
   */
  static final Path YOGI = Path.of("src/test/resources/own/yogi");

  private static final Map<String, Object> OPTIONS =
      Map.of("beta_1", 0.8, "beta_2", 0.95, "epsilon", 1e-4, "weight_decay", 0.1, "clipnorm", 0.5);

  // Five steps at a rate of 0.05 by Keras itself, of the tensors below in their order.
  private static final Map<String, double[]> RECORDED =
      Map.of(
          "FLOAT32 default",
          new double[] {
            -0.28871381282806396, 0.6130853891372681, 0.18838471174240112, -0.3507731556892395,
            0.5589531064033508, -0.1490192860364914, -0.28871381282806396, 0.6130853891372681,
            0.18838471174240112, -0.28871381282806396
          },
          "FLOAT32 options",
          new double[] {
            -0.2696699798107147, 0.6017965078353882, 0.16938167810440063, -0.33126509189605713,
            0.5432656407356262, -0.1420569270849228, -0.26490288972854614, 0.5978017449378967,
            0.1717502921819687, -0.27742674946784973
          },
          "FLOAT64 default",
          new double[] {
            -0.2887137123228708, 0.6130852561207989, 0.18838479530416452, -0.35077299646832,
            0.558953051568573, -0.1490193822044822, -0.2887137123228708, 0.6130852561207989,
            0.18838479530416452, -0.2887137123228708
          },
          "FLOAT64 options",
          new double[] {
            -0.2696699747747646, 0.6017964606873651, 0.16938167863972028, -0.3312650884872892,
            0.5432655296125254, -0.1420569365163683, -0.26490289163905434, 0.5978017759324883,
            0.17175030646566342, -0.27742674291671354
          });

  @TempDir Path folder;

  private static VectorSpec spec(DType dtype) {
    return new VectorSpec(
        List.of(
            new TensorSpec("w", dtype, Device.CPU, 2, 3),
            new TensorSpec("b", dtype, Device.CPU, 3),
            new TensorSpec("none", dtype, Device.CPU, 0, 4),
            new TensorSpec("s", dtype, Device.CPU)));
  }

  /** The values that were recorded with; 0 for the weights, else the step. */
  private static Vector values(DType dtype, int seed) {
    VectorBuilder builder = Vector.builder();
    for (TensorSpec tensor : spec(dtype).tensors()) {
      double[] all = new double[(int) (tensor.bytes() / dtype.bytes())];
      for (int i = 0; i < all.length; i++) {
        all[i] = (Math.floorMod(i * 7 + seed * 5 + tensor.name().length() * 3, 11) - 5) / 8.0;
      }
      if (dtype == DType.FLOAT64) {
        builder.copy(tensor.name(), all, tensor.shape());
      } else {
        float[] floats = new float[all.length];
        for (int i = 0; i < all.length; i++) {
          floats[i] = (float) all[i];
        }
        builder.copy(tensor.name(), floats, tensor.shape());
      }
    }
    return builder.build();
  }

  private static Optimizer optimizer(TensorflowOptiModule module) {
    return Optimizer.builder().learningRate(0.05).module(module).build();
  }

  private static void steps(Optimizer optimizer, Vector params, int from, int to) {
    DType dtype = params.spec().tensors().get(0).dtype();
    for (int step = from; step <= to; step++) {
      try (Vector gradients = values(dtype, step)) {
        optimizer.step(params, gradients);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "FLOAT32, default, 5e-7",
    "FLOAT32, options, 5e-7",
    "FLOAT64, default, 1e-14",
    "FLOAT64, options, 1e-14"
  })
  void yogiIsThatOfKeras(DType dtype, String label, double tolerance) {
    Map<String, Object> options = label.equals("default") ? Map.of() : OPTIONS;
    double[] expected = RECORDED.get(dtype.name() + " " + label);
    TensorflowImport yogi = SavedModels.open(YOGI);
    assertThat(yogi.spec().qualifiedName()).isEqualTo("program:Yogi");
    assertThat(yogi.spec().defaultLearningRate()).isEqualTo(0.01);
    try (Optimizer optimizer = optimizer(yogi.module(options));
        Vector params = values(dtype, 0)) {
      steps(optimizer, params, 1, 5);
      assertThat(params.flatten()).containsExactly(expected, within(tolerance));
    }
    try (TensorflowOptiModule maker = yogi.module(options);
        Optimizer optimizer = optimizer(yogi.module(options));
        TensorflowVariables weights = maker.allocateWeights(spec(dtype));
        Vector start = values(dtype, 0)) {
      weights.vector().assign(start);
      steps(optimizer, weights.vector(), 1, 5);
      assertThat(weights.vector().flatten()).containsExactly(expected, within(tolerance));
    }
    try (Optimizer optimizer = optimizer(yogi.module(options));
        Vector params = values(dtype, 0)) {
      for (int step = 1; step <= 5; step++) {
        try (Vector gradients = values(dtype, step);
            Vector updates = optimizer.computeUpdates(params, gradients)) {
          optimizer.applyUpdates(params, updates);
        }
      }
      // The pipeline's rate is a double, Keras's a float.
      assertThat(params.flatten()).containsExactly(expected, within(Math.max(tolerance, 2e-8)));
    }
  }

  @Test
  void itGoesOnFromItsState() {
    TensorflowImport yogi = SavedModels.open(YOGI);
    try (Optimizer whole = optimizer(yogi.module(OPTIONS));
        Optimizer restored = optimizer(yogi.module(OPTIONS));
        Vector params = values(DType.FLOAT32, 0)) {
      steps(whole, params, 1, 3);
      try (State state = whole.getState();
          Vector copy = params.materialize()) {
        restored.setState(state);
        steps(restored, copy, 4, 5);
        steps(whole, params, 4, 5);
        assertThat(copy.flatten()).containsExactly(params.flatten());
      }
    }
  }

  @Test
  void onlyResultsAreCopied() {
    TensorflowImport yogi = SavedModels.open(YOGI);
    long handles = NativeMemory.liveHandles();
    try (TensorflowOptiModule module = yogi.module(Map.of());
        TensorflowVariables weights = module.allocateWeights(spec(DType.FLOAT32));
        Vector gradients = values(DType.FLOAT32, 1)) {
      module.stepInPlace(weights.vector(), gradients, 0.1);
      long address = weights.vector().address("w");
      long copied = NativeMemory.copiedBytes();
      long live = NativeMemory.liveBytes();
      module.stepInPlace(weights.vector(), gradients, 0.1);
      // One variable of 33 elements: each tensor begins at a multiple of 64 bytes.
      assertThat(NativeMemory.copiedBytes() - copied).isEqualTo(3 * (3 * 64 + 4));
      assertThat(NativeMemory.liveBytes()).isEqualTo(live);
      assertThat(weights.vector().address("w")).isEqualTo(address);
    }
    assertThat(NativeMemory.liveHandles()).isEqualTo(handles);
  }

  @Test
  void largeTensorsMoveAsTheirParts() {
    int n = 600_011;
    int k = 221;
    float[] values = new float[n];
    float[] slopes = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = (i % 17 - 8) / 8f;
      slopes[i] = (i % 13 - 6) / 5f;
    }
    TensorflowImport yogi = SavedModels.open(YOGI);
    try (Optimizer large = pipeline(yogi);
        Optimizer small = pipeline(yogi);
        Vector params = Vector.builder().copy("w", values, n).build();
        Vector gradients = Vector.builder().copy("w", slopes, n).build();
        Vector few = Vector.builder().copy("w", java.util.Arrays.copyOf(values, k), k).build();
        Vector some = Vector.builder().copy("w", java.util.Arrays.copyOf(slopes, k), k).build()) {
      for (int t = 0; t < 3; t++) {
        large.step(params, gradients);
        small.step(few, some);
      }
      double[] all = params.flatten();
      double[] part = few.flatten();
      for (int i = 0; i < n; i++) {
        assertThat(all[i]).isCloseTo(part[i % k], within(1e-6));
      }
    }
  }

  private static Optimizer pipeline(TensorflowImport yogi) {
    return Optimizer.builder()
        .learningRate(0.01)
        .module(yogi.module(Map.of()))
        .module(new Momentum(0.5, false, false))
        .build();
  }

  /** A result may be what another one is copied to. */
  @Test
  void resultsMayBeArguments() {
    Function swap =
        new Function("plain")
            .inputs()
            .output("param_next", SavedModels.FLOAT, "last")
            .output("last_next", SavedModels.FLOAT, "param");
    TensorflowImport swapped =
        SavedModels.open(SavedModels.write(folder, SavedModels.model(SavedModels.METADATA, swap)));
    try (TensorflowOptiModule module = swapped.module(Map.of());
        Vector params = Vector.builder().copy("w", new float[] {1, 2, 3}, 3).build();
        Vector gradients = Vector.builder().copy("w", new float[3], 3).build()) {
      module.stepInPlace(params, gradients, 0.1);
      assertThat(params.toFloats("w")).containsExactly(0, 0, 0);
      module.stepInPlace(params, gradients, 0.1);
      assertThat(params.toFloats("w")).containsExactly(1, 2, 3);
    }
  }

  /** Functions of equal names in two files, one of which calls another. */
  @Test
  void filesDoNotDisturbEachOther() {
    Attribute[] call = {
      Attribute.function("f", "inner"),
      Attribute.types("Tin", 1, 1, 2, 2, 1),
      Attribute.types("Tout", 1, 1)
    };
    List<TensorflowImport> opened = new ArrayList<>();
    for (String operation : List.of("AddV2", "Sub")) {
      Function outer =
          new Function("plain")
              .inputs()
              .node("call", "PartitionedCall", List.of("param", "grad", "step", "lr", "last"), call)
              .output("param_next", SavedModels.FLOAT, "call:output:0")
              .output("last_next", SavedModels.FLOAT, "call:output:1");
      Function inner =
          new Function("inner")
              .inputs()
              .node("next", operation, List.of("param", "grad"), Attribute.type("T", 1))
              .output("param_next", SavedModels.FLOAT, "next:z:0")
              .output("last_next", SavedModels.FLOAT, "grad");
      opened.add(
          SavedModels.open(
              SavedModels.write(
                  folder.resolve(operation),
                  SavedModels.model(SavedModels.METADATA, outer, inner))));
    }
    Map<TensorflowImport, Float> expected = new HashMap<>();
    expected.put(opened.get(0), 5f);
    expected.put(opened.get(1), -1f);
    expected.forEach(
        (file, value) -> {
          try (TensorflowOptiModule module = file.module(Map.of());
              Vector params = Vector.builder().copy("w", new float[] {2}, 1).build();
              Vector gradients = Vector.builder().copy("w", new float[] {3}, 1).build()) {
            module.stepInPlace(params, gradients, 0.1);
            assertThat(params.toFloats("w")).containsExactly(value);
          }
        });
  }
}
