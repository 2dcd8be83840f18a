package org.optibridge.cli.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.optibridge.memory.NativeMemory;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.OptimizerBuilder;
import org.optibridge.torch.TorchOptiModule;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorSpec;

/**
 * The memory that a few steps take beyond parameters and gradients: the peak of this library's
 * counter and, as a check on it, the growth of the process, which shows what libtorch takes too.
 */
public final class MemoryItem implements BenchItem {
  private static final int STEPS = 3;
  // Above what one thread does alone, so that all threads have their memory before it counts.
  private static final long WARM_UP_ROWS = 500;
  // Parameters, gradients, FedProx's reference, two moments.
  private static final int BUFFERS = 5;

  private record Subject(String name, Supplier<Optimizer> optimizer) {}

  private static final List<Subject> SUBJECTS =
      List.of(
          new Subject(
              "adam", () -> inPlace(Optimizer.builder().module(TorchOptiModule.of("Adam")))),
          new Subject(
              "adam-core",
              () -> inPlace(Optimizer.builder().module(OptimizerContestants.coreAdam()))),
          new Subject(
              "pipeline", () -> PipelineContestants.optimizer(OptimizerContestants.coreAdam())),
          new Subject(
              "pipeline-torch", () -> PipelineContestants.optimizer(TorchOptiModule.of("Adam"))));

  private final String name;
  private final VectorSpec model;
  private final List<Subject> subjects;

  /** Of one optimizer, or of Adam and the pipeline. */
  MemoryItem(String name, VectorSpec model, @Nullable BenchOptimizer only) {
    this.name = name;
    this.model = model;
    this.subjects = only == null ? SUBJECTS : List.of(subject(only));
  }

  private static Subject subject(BenchOptimizer optimizer) {
    return new Subject(
        OptimizerContestants.OURS,
        () ->
            Optimizer.builder()
                .learningRate(optimizer.learningRate())
                .module(TorchOptiModule.of(optimizer.name(), optimizer.kwargs()))
                .build());
  }

  private static Optimizer inPlace(OptimizerBuilder builder) {
    return builder.learningRate(Contestant.RATE).build();
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public int rounds() {
    return 1;
  }

  @Override
  public String title() {
    return String.format(
        Locale.ROOT, "%s: %,d float32 parameters, %s", name, model.numel(), Threads.describe());
  }

  @Override
  public long bytesNeeded() {
    return (long) BUFFERS * Float.BYTES * model.numel();
  }

  @Override
  public List<Footprint> run(int samples) {
    List<Footprint> footprints = new ArrayList<>();
    for (Subject subject : subjects) {
      measure(subject, Models.matrix(WARM_UP_ROWS, WARM_UP_ROWS));
      footprints.add(measure(subject, model));
    }
    return footprints;
  }

  private Footprint measure(Subject subject, VectorSpec spec) {
    try (Vector params = Vector.allocate(spec);
        Vector gradients = Vector.allocate(spec)) {
      TestData.weights().fill(params);
      TestData.gradients().fill(gradients);
      long live = NativeMemory.liveBytes();
      NativeMemory.resetPeak();
      boolean peaks = ProcessMemory.resetPeak();
      OptionalLong before = ProcessMemory.residentBytes();
      try (Optimizer optimizer = subject.optimizer().get()) {
        for (int i = 0; i < STEPS; i++) {
          optimizer.step(params, gradients);
        }
        OptionalLong after =
            peaks ? ProcessMemory.peakResidentBytes() : ProcessMemory.residentBytes();
        double n = spec.numel();
        return new Footprint(
            name,
            subject.name(),
            spec.numel(),
            (NativeMemory.peakBytes() - live) / n,
            before.isPresent() && after.isPresent()
                ? OptionalDouble.of((after.getAsLong() - before.getAsLong()) / n)
                : OptionalDouble.empty());
      }
    }
  }
}
