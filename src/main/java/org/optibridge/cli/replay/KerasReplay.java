package org.optibridge.cli.replay;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.LongStream;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.State;
import org.optibridge.tensorflow.KerasOptimizer;
import org.optibridge.tensorflow.TensorflowOptiModule;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorBuilder;

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
        step(step, "step " + number, names, check, optimizer, module, params);
      }
      if (one.has("finalized")) {
        module.finalizeWeights(params);
        check.vector("finalized", params, one.get("finalized"));
      }
    }
  }

  /** Keras's state is dense: rows without a gradient are stepped with one of zeros. */
  private static Vector dense(Field given, List<String> names) {
    VectorBuilder builder = Vector.builder();
    for (String name : names) {
      Field tensor = given.get(name);
      (tensor.has("sparse") ? scattered(tensor) : Tensor.read(tensor)).addTo(builder, name);
    }
    return builder.build();
  }

  private static Tensor scattered(Field sparse) {
    long[] shape =
        sparse.get("shape").list().stream().mapToLong(extent -> (long) extent.number()).toArray();
    Tensor rows = Tensor.read(sparse.get("values"));
    List<Field> indices = sparse.get("indices").list();
    int width = indices.isEmpty() ? 0 : rows.data().length / indices.size();
    double[] data = new double[(int) LongStream.of(shape).reduce(1, (a, b) -> a * b)];
    for (int row = 0; row < indices.size(); row++) {
      int at = ((int) indices.get(row).number()) * width;
      if (at < 0 || at + width > data.length) {
        throw indices.get(row).wrong("must be a row of the tensor");
      }
      for (int i = 0; i < width; i++) {
        data[at + i] += rows.data()[row * width + i];
      }
    }
    return new Tensor(shape, rows.dtype(), data);
  }

  private static void step(
      Field step,
      String place,
      List<String> names,
      Comparison check,
      Optimizer optimizer,
      TensorflowOptiModule module,
      Vector params) {
    // The rate in use: what a schedule of Keras's gave for this step, or what was set.
    if (step.has("learning_rate")) {
      optimizer.setLearningRate(step.get("learning_rate").number());
    }
    Field given = step.get("gradients");
    if (!given.entries().keySet().equals(Set.copyOf(names))) {
      throw given.wrong("must have all names of the case: " + names);
    }
    try (Vector gradients = dense(given, names)) {
      optimizer.step(params, gradients);
    }
    check.vector(place + ", params", params, step.get("params"));
    if (step.has("ema")) {
      try (State state = module.getState()) {
        check.vector(place + ", ema", state.vector("average"), step.get("ema"));
      }
    }
  }
}
