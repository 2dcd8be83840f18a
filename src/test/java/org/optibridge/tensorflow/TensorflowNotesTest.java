package org.optibridge.tensorflow;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.optibridge.testing.ChildJvm;
import org.optibridge.testing.RequiresTensorflow;
import org.optibridge.testing.Vectors;
import org.optibridge.vector.Vector;

/** TensorFlow's notes on the processor stay off, unless the user's environment wants them. */
@RequiresTensorflow
class TensorflowNotesTest {
  /** Takes a step. */
  public static final class Job {
    private Job() {}

    public static void main(String[] args) {
      try (TensorflowOptiModule module = TensorflowOptiModule.of("adam");
          Vector gradients = Vectors.w(1, 2)) {
        module.run(gradients, null);
        System.out.println("stepped with " + TensorflowRuntime.version());
      }
    }
  }

  @TempDir Path folder;

  private String run(String level) throws Exception {
    return ChildJvm.run(
        folder,
        System.getProperty("java.class.path"),
        Map.of("TF_CPP_MIN_LOG_LEVEL", level),
        Job.class);
  }

  @Test
  void notesAreOff() throws Exception {
    // A JVM may print lines of its own; TensorFlow's name a source file of its.
    assertThat(run("")).contains("stepped with 2.").doesNotContain("tensorflow/");
  }

  @Test
  void theUsersLevelWins() throws Exception {
    assertThat(run("0")).contains("stepped with 2.", "cpu_feature_guard");
  }
}
