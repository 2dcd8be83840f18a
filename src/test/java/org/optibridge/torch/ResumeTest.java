package org.optibridge.torch;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.State;
import org.optibridge.state.SafeTensors;
import org.optibridge.state.StateFormat;
import org.optibridge.testing.RequiresTorch;
import org.optibridge.torch.ResumeJobs.Job;
import org.optibridge.vector.Vector;

/** A training goes on in another process as if it had never stopped, bit for bit. */
@RequiresTorch
class ResumeTest {
  @Test
  void anotherProcessEndsAtTheSameBits(@TempDir Path folder) throws Exception {
    List<Job> jobs = ResumeJobs.all();
    for (Job job : jobs) {
      interrupted(job, folder);
    }
    Path out = folder.resolve("out.txt");
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                ResumeJobs.class.getName(),
                folder.toString())
            .redirectErrorStream(true)
            .redirectOutput(out.toFile())
            .start();
    try {
      assertThat(process.waitFor(5, TimeUnit.MINUTES)).as("the second process ended").isTrue();
    } finally {
      process.destroyForcibly();
    }
    String printed = Files.readString(out, StandardCharsets.UTF_8);
    assertThat(process.exitValue()).as(printed).isZero();
    assertThat(printed).contains("native bytes still held: 0").doesNotContain("LEAK");
    for (Job job : jobs) {
      for (String what : List.of("", "-state")) {
        byte[] whole = Files.readAllBytes(job.file(folder, "whole" + what));
        byte[] resumed = Files.readAllBytes(job.file(folder, "resumed" + what));
        assertThat(resumed).as(job + what).isEqualTo(whole);
      }
      byte[] middle = Files.readAllBytes(job.file(folder, "weights"));
      assertThat(Files.readAllBytes(job.file(folder, "whole"))).isNotEqualTo(middle);
    }
  }

  /** Writes weights and state in the middle, and where the training ends without a break. */
  private static void interrupted(Job job, Path folder) throws Exception {
    try (Optimizer optimizer = Optimizer.fromConfig(job.config());
        Vector params = job.start()) {
      job.steps(optimizer, params, 0, ResumeJobs.MIDDLE);
      SafeTensors.write(params, Map.of(), job.file(folder, "weights"));
      try (State state = optimizer.getState()) {
        StateFormat.write(state, job.file(folder, "state"));
      }
      job.steps(optimizer, params, ResumeJobs.MIDDLE, ResumeJobs.LAST);
      SafeTensors.write(params, Map.of(), job.file(folder, "whole"));
      try (State state = optimizer.getState()) {
        StateFormat.write(state, job.file(folder, "whole-state"));
      }
    }
  }
}
