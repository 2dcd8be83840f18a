package org.optibridge.cli.replay;

import java.util.List;
import java.util.Map;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.State;
import org.optibridge.tensorflow.KerasOptimizer;
import org.optibridge.tensorflow.TensorflowOptiModule;
import org.optibridge.vector.SparseGradients;
import org.optibridge.vector.Vector;

/** Level {@code native} of Keras: an optimizer steps weights in place. */
final class KerasReplay {
  private KerasReplay() {}

  /** Weights after each step, each going on with its own. */
  static void steps(Field one, Comparison check) {
    Frameworks.module(one.get("framework"));
    Field of = one.get("optimizer");
    Map<String, Object> options = of.has("kwargs") ? of.get("kwargs").map() : Map.of();
    KerasOptimizer keras = KerasOptimizer.of(of.get("class").text(), options);
    if (one.has("exclude_from_weight_decay")) {
      keras =
          keras.excludingFromWeightDecay(
              one.get("exclude_from_weight_decay").texts().toArray(String[]::new));
    }
    List<String> names = Tensor.names(one);
    TensorflowOptiModule module = TensorflowOptiModule.of(keras);
    try (Optimizer optimizer =
            Optimizer.builder().learningRate(keras.learningRate()).module(module).build();
        Vector params = Tensor.vector(one.get("params0"), names)) {
      int number = 0;
      for (Field step : one.get("steps").list()) {
        number++;
        step(step, "step " + number, check, optimizer, module, params);
      }
      if (one.has("finalized")) {
        module.finalizeWeights(params);
        check.vector("finalized", params, one.get("finalized"));
      }
    }
  }

  private static void step(
      Field step,
      String place,
      Comparison check,
      Optimizer optimizer,
      TensorflowOptiModule module,
      Vector params) {
    // The rate in use: what a schedule of Keras's gave for this step, or what was set.
    if (step.has("learning_rate")) {
      optimizer.setLearningRate(step.get("learning_rate").number());
    }
    step(optimizer, params, step.get("gradients"));
    check.vector(place + ", params", params, step.get("params"));
    if (step.has("ema")) {
      try (State state = module.getState()) {
        check.vector(place + ", ema", state.vector("average"), step.get("ema"));
      }
    }
  }

  /** A weight that has no gradient is left out. */
  private static void step(Optimizer optimizer, Vector params, Field given) {
    List<String> names = params.spec().names().stream().filter(given::has).toList();
    if (names.size() != given.entries().size()) {
      throw given.wrong("has a name that is none of " + params.spec().names());
    }
    if (SparseReplay.isSparse(given, names)) {
      try (SparseGradients gradients = SparseTensors.part(given, names)) {
        optimizer.step(params, gradients);
      }
      return;
    }
    try (Vector gradients = Tensor.part(given, names)) {
      optimizer.step(params, gradients);
    }
  }
}
