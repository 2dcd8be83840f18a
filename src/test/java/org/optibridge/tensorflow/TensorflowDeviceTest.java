package org.optibridge.tensorflow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.optibridge.optimizer.State;
import org.optibridge.testing.ChildJvm;
import org.optibridge.testing.NoLeaks;
import org.optibridge.testing.RequiresTensorflow;
import org.optibridge.vector.Vector;

/** Where modules compute. */
@RequiresTensorflow
@ExtendWith(NoLeaks.class)
class TensorflowDeviceTest {
  @AfterEach
  void backToTheHost() {
    TensorflowRuntime.setDevice("CPU");
  }

  @Test
  void anotherDeviceGivesTheSameBits(@TempDir Path folder) throws Exception {
    String printed =
        ChildJvm.run(
            folder,
            System.getProperty("java.class.path"),
            Map.of("JAVA_TOOL_OPTIONS", "-Doptibridge.tensorflow.cpus=2"),
            DeviceJob.class);
    assertThat(printed).contains("Lamb is the same", "native bytes still held: 0");
  }

  @Test
  void isAskedForAtResetAndSetState() {
    try (TensorflowOptiModule module = TensorflowOptiModule.of("adam");
        Vector gradients = Vector.builder().copy("a", new float[] {1, 2}, 2).build()) {
      module.run(gradients, null);
      TensorflowRuntime.setDevice("GPU:63");
      assertThat(module.device()).isEqualTo("CPU:0");
      double[] next;
      try (State state = module.getState()) {
        assertThatThrownBy(module::reset)
            .isInstanceOf(UnsupportedOperationException.class)
            .hasMessageContaining("'GPU:63'")
            .hasMessageContaining("it has CPU:0")
            .hasMessageContaining("tensorflow-core-native");
        assertThatThrownBy(() -> module.setState(state)).hasMessageContaining("'GPU:63'");
        assertThatThrownBy(() -> TensorflowOptiModule.of("adam")).hasMessageContaining("'GPU:63'");
        assertThat(module.iterations()).isEqualTo(1);
        next = module.run(gradients, null).flatten();
        TensorflowRuntime.setDevice("CPU:0");
        module.setState(state);
      }
      assertThat(module.run(gradients, null).flatten()).isEqualTo(next);
    }
  }

  @Test
  void refusesOtherNames() {
    assertThatThrownBy(() -> TensorflowRuntime.setDevice("cuda"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("'cuda'")
        .hasMessageContaining("\"GPU:1\"");
    assertThat(TensorflowRuntime.device()).isEqualTo("CPU:0");
  }

  @Test
  void aGpuGivesTheSame() {
    TensorflowRuntime.setDevice("GPU");
    TensorflowOptiModule module = null;
    try {
      module = TensorflowOptiModule.of("adam");
    } catch (UnsupportedOperationException e) {
      assumeTrue(false, e.getMessage());
    }
    TensorflowRuntime.setDevice("CPU");
    try (TensorflowOptiModule gpu = module;
        TensorflowOptiModule cpu = TensorflowOptiModule.of("adam");
        Vector gradients = Vector.builder().copy("a", new float[] {1, -2, 1e-3f}, 3).build()) {
      for (int i = 0; i < 5; i++) {
        double[] expected = cpu.run(gradients, null).flatten();
        double[] actual = gpu.run(gradients, null).flatten();
        for (int j = 0; j < expected.length; j++) {
          assertThat(actual[j]).isCloseTo(expected[j], within(1e-5));
        }
      }
    }
  }
}
