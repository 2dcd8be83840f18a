package org.optibridge.torch;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.optibridge.memory.NativeMemory;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.State;
import org.optibridge.state.SafeTensors;
import org.optibridge.state.StateFormat;
import org.optibridge.torch.TorchFixtures.Config;
import org.optibridge.vector.DType;
import org.optibridge.vector.Vector;

/**
 * Trainings that are interrupted: each optimizer of torch alone, and whole pipelines. As a program,
 * goes on with all of them from the files in a folder.
 */
final class ResumeJobs {
  static final int MIDDLE = 4;
  static final int LAST = 9;

  private static final List<long[]> SHAPES =
      List.of(
          new long[] {3}, new long[] {65, 2}, new long[] {0}, new long[] {}, new long[] {2, 3, 4});
  private static final List<long[]> MATRICES = List.of(new long[] {4, 3}, new long[] {3, 5});
  // Tensors for which a fused kernel runs as an instruction of the pipeline's sweep.
  private static final List<long[]> LARGE = List.of(new long[] {300, 200}, new long[] {50_001});

  /** A training. */
  record Job(int number, Map<String, Object> config, DType dtype, List<long[]> shapes) {
    Path file(Path folder, String what) {
      return folder.resolve(number + "." + what);
    }

    Vector start() {
      return TorchFixtures.random(dtype, 1, shapes);
    }

    void steps(Optimizer optimizer, Vector params, int from, int to) {
      for (int step = from; step < to; step++) {
        if (step == 2 || step == 6) {
          optimizer.startRound();
        }
        try (Vector gradients = TorchFixtures.random(dtype, 100 + step, shapes)) {
          optimizer.step(params, gradients);
        }
      }
    }

    @Override
    public String toString() {
      return number + " " + config + " " + dtype;
    }
  }

  private ResumeJobs() {}

  static List<Job> all() {
    List<Job> jobs = new ArrayList<>();
    for (DType dtype : List.of(DType.FLOAT32, DType.FLOAT64)) {
      for (Config config : configs()) {
        Map<String, Object> pipeline =
            Map.of("lrate", 0.05, "modules", List.of(torch(config.cls(), config.kwargs())));
        jobs.add(new Job(jobs.size(), pipeline, dtype, shapes(config)));
      }
      for (Config config : configs()) {
        jobs.add(new Job(jobs.size(), pipeline(config), dtype, shapes(config)));
      }
      for (Config config : TorchFixtures.fusable()) {
        jobs.add(new Job(jobs.size(), pipeline(config), dtype, LARGE));
      }
    }
    return jobs;
  }

  /** All options of the fixtures; of a class that they lack, the defaults. */
  private static List<Config> configs() {
    List<Config> configs = new ArrayList<>(TorchFixtures.all());
    configs.addAll(TorchFixtures.ofMatrices());
    for (TorchOptimizerSpec spec : TorchOptimizers.all()) {
      if (!spec.takesSparseOnly()
          && configs.stream().noneMatch(one -> TorchOptimizers.get(one.cls()).equals(spec))) {
        configs.add(new Config(spec.qualifiedName(), Map.of()));
      }
    }
    return configs;
  }

  private static List<long[]> shapes(Config config) {
    return config.cls().equals("Muon") ? MATRICES : SHAPES;
  }

  private static List<Object> torch(String cls, Map<String, Object> kwargs) {
    return List.of("torch-optim", Map.of("optim_cls", cls, "kwargs", kwargs));
  }

  /** With state in the rate, in a regularizer and in modules before and after the one of torch. */
  private static Map<String, Object> pipeline(Config config) {
    Map<String, Object> pipeline = new LinkedHashMap<>();
    List<Object> cosine =
        List.of("cosine-annealing", Map.of("base", 0.01, "max_lr", 0.1, "duration", 7));
    pipeline.put("lrate", List.of("warmup", Map.of("base", cosine, "warmup", 6)));
    pipeline.put("w_decay", 0.01);
    pipeline.put("regularizers", List.of(List.of("fedprox", Map.of("alpha", 0.1))));
    pipeline.put(
        "modules",
        List.of(
            List.of("momentum", Map.of("beta", 0.8)),
            List.of("l2-global-clipping", Map.of("max_norm", 0.5)),
            torch(config.cls(), config.kwargs()),
            List.of("ewma", Map.of("beta", 0.7))));
    return pipeline;
  }

  /** Goes on with each job and writes where it ends. */
  public static void main(String[] args) throws Exception {
    Path folder = Path.of(args[0]);
    long bytes = NativeMemory.liveBytes();
    for (Job job : all()) {
      try (Optimizer optimizer = Optimizer.fromConfig(job.config());
          SafeTensors weights = SafeTensors.read(job.file(folder, "weights"))) {
        try (State state = StateFormat.read(job.file(folder, "state"))) {
          optimizer.setState(state);
        }
        job.steps(optimizer, weights.vector(), MIDDLE, LAST);
        SafeTensors.write(weights.vector(), Map.of(), job.file(folder, "resumed"));
        try (State state = optimizer.getState()) {
          StateFormat.write(state, job.file(folder, "resumed-state"));
        }
      }
    }
    System.out.println("native bytes still held: " + (NativeMemory.liveBytes() - bytes));
  }
}
