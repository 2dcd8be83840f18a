package org.optibridge.cli.bench;

import java.util.List;
import org.optibridge.memory.CoreLibrary;
import org.optibridge.memory.NativeStatus;
import org.optibridge.modules.L2GlobalClipping;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.regularizers.FedProx;
import org.optibridge.torch.TorchLibrary;
import org.optibridge.torch.TorchOptiModule;
import org.optibridge.vector.Vector;

/**
 * Who runs the pipeline FedProx (0.01), clipping of the global norm to 1, Adam with PyTorch's
 * options, weight decay (0.01, not multiplied by the learning rate).
 */
final class PipelineContestants {
  static final String OURS = "optibridge";
  static final String OURS_TORCH = "optibridge-torch";
  static final String AS_WRITTEN = "torch-as-written";
  static final String TUNED = "torch-tuned";
  static final String BLOCKED = "torch-blocked";

  // Weights, gradients, FedProx's reference and two moments.
  private static final int BUFFERS = 5;
  // Of a program without memory of its own: gradients are kept until their norm is known, and
  // expressions of single tensors have temporaries.
  private static final int KEPT_GRADIENTS = 1;
  private static final int TEMPORARIES = 6;

  private PipelineContestants() {}

  static List<Recipe> all() {
    return List.of(
        Recipe.computing(
            OURS,
            BUFFERS,
            contestant -> contestant.stepOf(optimizer(OptimizerContestants.coreAdam()))),
        Recipe.computing(
            OURS_TORCH,
            BUFFERS,
            contestant -> contestant.stepOf(optimizer(TorchOptiModule.of("Adam")))),
        Recipe.computing(
            AS_WRITTEN,
            BUFFERS + KEPT_GRADIENTS,
            TEMPORARIES,
            contestant -> libtorch(contestant, 0)),
        Recipe.computing(TUNED, BUFFERS + KEPT_GRADIENTS, contestant -> libtorch(contestant, 1)),
        Recipe.computing(BLOCKED, BUFFERS, contestant -> libtorch(contestant, 2)),
        Recipe.moving(OptimizerContestants.FLOOR, BUFFERS, PipelineContestants::floor));
  }

  /** The pipeline, around one of the modules for Adam. */
  static Optimizer optimizer(OptiModule adam) {
    return Optimizer.builder()
        .learningRate(Contestant.RATE)
        .weightDecay(0.01)
        .regularizer(new FedProx(0.01))
        .module(new L2GlobalClipping(1.0))
        .module(adam)
        .build();
  }

  private static Runnable libtorch(Contestant contestant, int program) {
    long[] out = new long[1];
    NativeStatus.check(
        TorchLibrary.ob_torch_pipeline_create(
            program,
            contestant.params().nativeTable(),
            contestant.gradients().nativeTable(),
            contestant.allocate().nativeTable(),
            contestant.allocate().nativeTable(),
            contestant.allocate().nativeTable(),
            contestant.params().spec().size(),
            out));
    long pipeline = out[0];
    contestant.own(() -> TorchLibrary.ob_torch_pipeline_destroy(pipeline));
    return () -> NativeStatus.check(TorchLibrary.ob_torch_pipeline_step(pipeline, Contestant.RATE));
  }

  private static Runnable floor(Contestant contestant) {
    Vector params = contestant.params();
    long n = params.spec().numel();
    long p = Contestant.address(params);
    long g = Contestant.address(contestant.gradients());
    Vector reference = contestant.allocate();
    // Memory that was never written to is one page of zeros, which costs nothing to read.
    TestData.weights().fill(reference);
    long q = Contestant.address(reference);
    long m = Contestant.address(contestant.allocate());
    long v = Contestant.address(contestant.allocate());
    return () -> CoreLibrary.ob_floor_pipeline(p, g, q, m, v, n);
  }
}
