package org.optibridge.cli.bench;

import java.util.List;
import java.util.Map;
import org.optibridge.memory.CoreLibrary;
import org.optibridge.memory.NativeStatus;
import org.optibridge.modules.Adam;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.torch.TorchLibrary;
import org.optibridge.torch.TorchOptiModule;
import org.optibridge.vector.Vector;

/** Who does a step of Adam or AdamW, with PyTorch's default options. */
final class AdamContestants {
  static final String OURS = "optibridge";
  static final String CORE = "optibridge-core";
  static final String UNFUSED = "unfused";
  static final String LIBTORCH = "libtorch-fused";
  static final String FLOOR = "floor";

  // Weights, gradients and two moments.
  private static final int BUFFERS = 4;
  // Of the plain step.
  private static final int TEMPORARIES = 3;

  private AdamContestants() {}

  /** For "Adam" or "AdamW". */
  static List<Recipe> of(String optimizer) {
    return List.of(ours(optimizer), unfused(optimizer), libtorch(optimizer), floor());
  }

  /** Those for Adam on many small tensors. */
  static List<Recipe> manyTensors() {
    return List.of(
        ours("Adam"),
        Recipe.computing(CORE, BUFFERS, contestant -> inPlace(contestant, coreAdam())),
        unfused("Adam"),
        libtorch("Adam"),
        floor());
  }

  /** This library's own module, with PyTorch's defaults. */
  static OptiModule coreAdam() {
    return new Adam(0.9, 0.999, false, 1e-8, false);
  }

  private static Recipe ours(String optimizer) {
    return Recipe.computing(
        OURS, BUFFERS, contestant -> inPlace(contestant, TorchOptiModule.of(optimizer)));
  }

  private static Recipe unfused(String optimizer) {
    return Recipe.computing(
        UNFUSED,
        BUFFERS,
        TEMPORARIES,
        contestant -> inPlace(contestant, TorchOptiModule.of(optimizer, Map.of("fused", false))));
  }

  private static Runnable inPlace(Contestant contestant, OptiModule module) {
    return contestant.stepOf(
        Optimizer.builder().learningRate(Contestant.RATE).module(module).build());
  }

  private static Recipe libtorch(String optimizer) {
    int decoupled = optimizer.equals("AdamW") ? 1 : 0;
    return Recipe.computing(LIBTORCH, BUFFERS, contestant -> libtorch(contestant, decoupled));
  }

  private static Runnable libtorch(Contestant contestant, int decoupled) {
    long[] out = new long[1];
    NativeStatus.check(
        TorchLibrary.ob_torch_bench_create(
            decoupled,
            contestant.params().nativeTable(),
            contestant.gradients().nativeTable(),
            contestant.allocate().nativeTable(),
            contestant.allocate().nativeTable(),
            contestant.params().spec().size(),
            out));
    long bench = out[0];
    contestant.own(() -> TorchLibrary.ob_torch_bench_destroy(bench));
    return () -> NativeStatus.check(TorchLibrary.ob_torch_bench_step(bench, Contestant.RATE));
  }

  private static Recipe floor() {
    return Recipe.moving(FLOOR, BUFFERS, AdamContestants::floor);
  }

  private static Runnable floor(Contestant contestant) {
    Vector params = contestant.params();
    long n = params.spec().numel();
    long p = Contestant.address(params);
    long g = Contestant.address(contestant.gradients());
    long m = Contestant.address(contestant.allocate());
    long v = Contestant.address(contestant.allocate());
    return () -> CoreLibrary.ob_floor_adam(p, g, m, v, n);
  }
}
