package org.optibridge.torch;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.State;
import org.optibridge.state.SafeTensors;
import org.optibridge.state.StateFormat;
import org.optibridge.testing.Python;
import org.optibridge.testing.RequiresTorch;
import org.optibridge.torch.TorchFixtures.Config;
import org.optibridge.vector.DType;
import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorBuilder;

/**
 * Training begun in one language and ended in the other ends where one language alone does. Needs a
 * Python with torch and safetensors, named by {@code OPTIBRIDGE_PYTHON} or the system property
 * {@code optibridge.python}.
 */
@RequiresTorch
class PythonStateTest {
  private static final int MIDDLE = 5;
  private static final int LAST = 12;
  private static final double RATE = 0.05;
  private static final List<long[]> SHAPES =
      List.of(new long[] {4, 3}, new long[] {5}, new long[] {}, new long[] {2, 1, 3});
  private static final List<long[]> MATRICES = List.of(new long[] {4, 3}, new long[] {3, 5});

  /**
   * One optimizer and dtype; of a late tensor the first steps have no gradient, reversed is the
   * order of Python's optimizer.
   */
  private record Job(
      Path folder,
      Config config,
      DType dtype,
      boolean pipeline,
      boolean reversed,
      Set<String> late) {
    List<long[]> shapes() {
      return config.cls().equals("Muon") ? MATRICES : SHAPES;
    }

    Map<String, Object> json() {
      Map<String, Object> json = new LinkedHashMap<>();
      json.put("folder", folder.toString());
      json.put("class", config.cls());
      json.put("kwargs", config.kwargs());
      json.put("lr", RATE);
      json.put("middle", MIDDLE);
      json.put("last", LAST);
      json.put("late", late);
      json.put("pipeline", pipeline);
      json.put("reversed", reversed);
      return json;
    }

    /** How far from each other two ways may end, relative to how far the weights moved. */
    double tolerance() {
      if (config.cls().equals("Muon")) {
        return 3e-2; // bfloat16 inside
      }
      // Python's load_state_dict casts scalars of these two to the parameter's dtype.
      boolean narrow = Set.of("NAdam", "ASGD").contains(config.cls());
      return dtype == DType.FLOAT32 || narrow ? 1e-6 : 1e-13;
    }

    Vector gradients(int step) {
      return TorchFixtures.random(dtype, 100 + step, shapes());
    }

    Vector read(String file) throws Exception {
      return SafeTensors.read(folder.resolve(file)).vector();
    }

    void write(String file, Vector vector) throws Exception {
      SafeTensors.write(vector, Map.of("format", "pt"), folder.resolve(file));
    }

    @Override
    public String toString() {
      return config + " " + dtype + (late.isEmpty() ? "" : ", late " + late);
    }
  }

  private static List<Job> jobs(Path folder) throws Exception {
    List<Job> jobs = new ArrayList<>();
    for (DType dtype : List.of(DType.FLOAT32, DType.FLOAT64)) {
      for (Config config :
          Stream.of(TorchFixtures.base(), TorchFixtures.ofMatrices())
              .flatMap(List::stream)
              .toList()) {
        for (Set<String> late : List.of(Set.<String>of(), Set.of("w1"))) {
          Path own = Files.createDirectory(folder.resolve(String.valueOf(jobs.size())));
          jobs.add(new Job(own, config, dtype, jobs.size() % 4 == 0, jobs.size() % 3 == 0, late));
        }
      }
    }
    return jobs;
  }

  private static Optimizer optimizer(TorchOptiModule module) {
    return Optimizer.builder().learningRate(RATE).module(module).build();
  }

  private static void steps(Job job, Optimizer optimizer, Vector params, int from, int to) {
    for (int step = from; step < to; step++) {
      try (Vector gradients = job.gradients(step)) {
        optimizer.step(params, gradients);
      }
    }
  }

  @Test
  void eitherLanguageGoesOn(@TempDir Path folder) throws Exception {
    String python = Python.assumed("torch", "safetensors");
    List<Job> jobs = jobs(folder);
    assertThat(jobs.stream().map(job -> job.config().cls()).distinct()).hasSize(13);
    for (Job job : jobs) {
      begin(job);
    }
    Path list = folder.resolve("jobs.json");
    new ObjectMapper().writeValue(list.toFile(), jobs.stream().map(Job::json).toList());
    String printed =
        Python.run(
            python, folder, "src/test/resources/python/go_on.py", "docs/python", list.toString());
    assertThat(printed).contains("torch ");
    double largest = 0;
    for (Job job : jobs) {
      largest = Math.max(largest, compare(job));
    }
    System.out.println(
        "PythonStateTest: "
            + jobs.size()
            + " jobs, "
            + printed.strip()
            + ", largest gap / allowed "
            + largest);
  }

  /** Java's half: weights, gradients, and the state after the first steps. */
  private static void begin(Job job) throws Exception {
    VectorBuilder all = Vector.builder();
    for (int step = 0; step < LAST; step++) {
      try (Vector gradients = job.gradients(step)) {
        for (TensorSpec tensor : gradients.spec().tensors()) {
          TorchFixtures.add(all, step + "." + tensor.name(), gradients, tensor);
        }
      }
    }
    try (Vector gradients = all.build();
        Vector params = TorchFixtures.random(job.dtype(), 1, job.shapes());
        TorchOptiModule module = job.config().make();
        Optimizer optimizer = optimizer(module)) {
      job.write("gradients", gradients);
      job.write("start", params);
      steps(job, optimizer, params, 0, MIDDLE);
      job.write("middle", params);
      try (State state = job.pipeline() ? optimizer.getState() : module.getState()) {
        StateFormat.write(state, job.folder().resolve("java"));
      }
      steps(job, optimizer, params, MIDDLE, LAST);
      job.write("java_all", params);
    }
  }

  private static double compare(Job job) throws Exception {
    double largest = 0;
    if (job.late().isEmpty()) {
      largest = close(job, "python_end", "java_all");
    }
    goOn(job, "python", "java_end");
    largest = Math.max(largest, close(job, "java_end", "python_all"));
    goOn(job, "python_again", "java_again");
    return Math.max(largest, close(job, "java_again", "python_loaded"));
  }

  /** Java goes on from Python's state. */
  private static void goOn(Job job, String saved, String end) throws Exception {
    try (TorchOptiModule module = job.config().make();
        Optimizer optimizer = optimizer(module);
        Vector params = job.read("python_middle")) {
      try (State state = StateFormat.read(job.folder().resolve(saved))) {
        module.setState(state);
      }
      steps(job, optimizer, params, MIDDLE, LAST);
      job.write(end, params);
    }
  }

  /** Checks that two runs end at the same place; returns the gap as a share of what is allowed. */
  private static double close(Job job, String actual, String expected) throws Exception {
    double largest = 0;
    try (Vector one = job.read(actual);
        Vector other = job.read(expected);
        Vector start = job.read("start")) {
      assertThat(one.spec().names()).isEqualTo(other.spec().names());
      for (String name : one.spec().names()) {
        double[] a = one.toDoubles(name);
        double[] b = other.toDoubles(name);
        double[] from = start.toDoubles(name);
        double moved = 0;
        for (int i = 0; i < b.length; i++) {
          moved = Math.max(moved, Math.abs(b[i] - from[i]));
        }
        assertThat(moved).as("%s, %s moved", job, name).isPositive();
        for (int i = 0; i < b.length; i++) {
          double allowed = job.tolerance() * (moved + Math.abs(b[i]));
          double gap = Math.abs(a[i] - b[i]);
          assertThat(gap)
              .as("%s: %s and %s, %s[%d]: %s, %s", job, actual, expected, name, i, a[i], b[i])
              .isLessThanOrEqualTo(allowed);
          largest = Math.max(largest, gap / allowed);
        }
      }
    }
    return largest;
  }
}
