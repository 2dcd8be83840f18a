package org.optibridge.tensorflow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.testing.Python;
import org.optibridge.testing.RequiresTensorflow;
import org.optibridge.vector.Vector;

/** What {@code export_keras_optimizer.py} writes with a Python that has TensorFlow and Keras. */
@RequiresTensorflow
class ExportKerasTest {
  private static final String SCRIPT =
      Path.of("src/main/python/export_keras_optimizer.py").toAbsolutePath().toString();
  private static final String STEPS =
      Path.of("samples/own-saved-model/steps.py").toAbsolutePath().toString();

  @TempDir Path folder;

  private TensorflowImport exported(String step, String... more) throws Exception {
    String python = Python.assumed("tensorflow", "keras");
    Path model = folder.resolve("model");
    List<String> arguments = new java.util.ArrayList<>(List.of(SCRIPT, "--to", model.toString()));
    arguments.addAll(List.of(more));
    arguments.add(step);
    Python.run(python, folder, arguments.toArray(String[]::new));
    return SavedModels.open(model);
  }

  private static double[] steps(TensorflowOptiModule module, int count) {
    try (Optimizer optimizer = Optimizer.builder().learningRate(0.01).module(module).build();
        Vector params =
            Vector.builder()
                .copy("w", new double[] {0.5, -1, 2, 0.25, 1, -0.75}, 2, 3)
                .copy("b", new double[] {1, -1}, 2)
                .build();
        Vector gradients =
            Vector.builder()
                .copy("w", new double[] {0.1, 0.2, -0.3, 0, 1, -1}, 2, 3)
                .copy("b", new double[] {2, 0.5}, 2)
                .build()) {
      for (int i = 0; i < count; i++) {
        optimizer.step(params, gradients);
      }
      return params.flatten();
    }
  }

  private static void alike(TensorflowOptiModule one, TensorflowOptiModule other) {
    assertThat(steps(one, 4)).containsExactly(steps(other, 4), within(2e-9));
  }

  @Test
  void aFunction() throws Exception {
    TensorflowImport lion = exported(STEPS + ":lion");
    assertThat(lion.spec().defaultLearningRate()).isEqualTo(1e-4);
    alike(
        lion.module(Map.of("beta2", 0.95, "weight_decay", 0.1)),
        TensorflowOptiModule.of("lion", Map.of("beta_2", 0.95, "weight_decay", 0.1)));
  }

  @Test
  void aClass() throws Exception {
    TensorflowImport yogi =
        exported(
            STEPS + ":Yogi",
            "--option",
            "beta_1",
            "--option",
            "beta_2",
            "--option",
            "epsilon",
            "--element-wise",
            "--ignores-weights");
    TensorflowImport stored = SavedModels.open(TensorflowImportTest.YOGI);
    Map<String, Object> options = Map.of("beta_1", 0.8, "epsilon", 1e-4);
    alike(yogi.module(options), stored.module(options));
  }

  @Test
  void kerassOwn() throws Exception {
    alike(
        exported("keras.optimizers:Adam", "--option", "beta_1").module(Map.of("beta_1", 0.8)),
        TensorflowOptiModule.of("adam", Map.of("beta_1", 0.8)));
    alike(exported("keras.optimizers:AdamW").module(Map.of()), TensorflowOptiModule.of("adamw"));
    alike(exported("keras.optimizers:Lamb").module(Map.of()), TensorflowOptiModule.of("lamb"));
    alike(
        exported("keras.optimizers:Lamb", "--keep-shapes").module(Map.of()),
        TensorflowOptiModule.of("lamb"));
    alike(
        exported("keras.optimizers:RMSprop").module(Map.of()), TensorflowOptiModule.of("rmsprop"));
    alike(
        exported("keras.optimizers:ScheduleFreeAdamW").module(Map.of()),
        TensorflowOptiModule.of("ScheduleFreeAdamW"));
  }

  /** A scalar state, a branch and a loop, and shapes. */
  @Test
  void whatAFunctionMayBe() throws Exception {
    Path file = folder.resolve("rows.py");
    Files.writeString(
        file,
        """
        import tensorflow as tf
        from export_keras_optimizer import Optimizer

        def rows(param, grad, step, lr, twice, seen):
            change = tf.reduce_mean(grad, axis=0, keepdims=True) * tf.ones_like(param)
            if tf.reduce_sum(grad) > 0:
                change = 2 * change
            for _ in tf.range(2):
                change = change * tf.where(twice > 0, 2.0, 1.0) if param.dtype == tf.float32 else change
            return param - lr * change, seen + step

        rows.optimizer = Optimizer("Rows", options={"twice": False}, state={"seen": 1}, scalars=("seen",), flat=False, ranks=(2,))
        """);
    TensorflowImport rows = exported(file + ":rows");
    try (TensorflowOptiModule module = rows.module(Map.of("twice", true));
        Vector params = Vector.builder().copy("w", new float[] {0, 0, 0, 0}, 2, 2).build();
        Vector gradients = Vector.builder().copy("w", new float[] {1, 2, 3, 4}, 2, 2).build()) {
      module.stepInPlace(params, gradients, 0.5);
      // Means 2 and 3, doubled once for the sign and twice for the option, at a rate of 0.5.
      assertThat(params.toFloats("w")).containsExactly(-8, -12, -8, -12);
      module.stepInPlace(params, gradients, 0.5);
      try (var state = module.getState()) {

        assertThat(state.state("slots").vector("seen").toFloats("w")).containsExactly(1 + 1 + 2);
      }
    }
  }
}
