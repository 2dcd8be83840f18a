package org.optibridge.cli.bench;

import java.util.List;
import org.optibridge.memory.NativeStatus;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.tensorflow.TensorflowLibrary;
import org.optibridge.tensorflow.TensorflowOptiModule;
import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorBuilder;
import org.optibridge.vector.VectorSpec;

/** Who does a step of Adam with TensorFlow's kernel, with Keras's default options. */
final class TensorflowContestants {
  // Weights, gradients and two moments; and the weights that each contestant begins with.
  private static final int BUFFERS = 5;

  private TensorflowContestants() {}

  static List<Recipe> all() {
    return List.of(
        Recipe.computing("optibridge-tensorflow", BUFFERS, TensorflowContestants::ours),
        Recipe.computing("tensorflow-c", BUFFERS, TensorflowContestants::bare),
        OptimizerContestants.floor(2));
  }

  private static Runnable ours(Contestant contestant) {
    TensorflowOptiModule module = TensorflowOptiModule.of("adam");
    Optimizer optimizer = Optimizer.builder().learningRate(Contestant.RATE).module(module).build();
    contestant.moveWeights(
        contestant.own(module.allocateWeights(contestant.params().spec())).vector());
    return contestant.stepOf(optimizer);
  }

  /** One call of the kernel for each tensor, from C++. */
  private static Runnable bare(Contestant contestant) {
    VectorSpec spec = contestant.params().spec();
    long[] out = new long[1];
    long[] addresses = new long[spec.size()];
    NativeStatus.check(
        TensorflowLibrary.ob_tf_bench_create(
            contestant.params().nativeTable(),
            contestant.gradients().nativeTable(),
            spec.size(),
            addresses,
            out));
    long bench = out[0];
    contestant.own(() -> TensorflowLibrary.ob_tf_bench_destroy(bench));
    VectorBuilder builder = Vector.builder();
    for (int i = 0; i < addresses.length; i++) {
      TensorSpec tensor = spec.tensors().get(i);
      builder.wrapAddress(
          tensor.name(), tensor.dtype(), tensor.device(), addresses[i], null, tensor.shape());
    }
    contestant.moveWeights(contestant.own(builder.build()));
    return () -> NativeStatus.check(TensorflowLibrary.ob_tf_bench_step(bench, Contestant.RATE));
  }
}
