package org.optibridge.cli;

import java.util.Arrays;
import java.util.Random;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;
import org.optibridge.memory.NativeMemory;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.tensorflow.TensorflowOptiModule;
import org.optibridge.tensorflow.TensorflowVariables;
import org.optibridge.torch.TorchOptiModule;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorSpec;

/** Trains the same model on the same batches, once per optimizer. */
final class Trainer implements AutoCloseable {
  // Of modules, which have no default of their own.
  private static final double RATE = 0.01;

  private final Dataset data;
  private final int epochs;
  private final int batchSize;
  private final long seed;
  private final Tensor trainImages;
  private final Tensor trainLabels;
  private final Tensor testImages;
  private final Tensor testLabels;

  Trainer(Dataset data, int epochs, int batchSize, long seed, int threads) {
    useThreads(threads);
    this.data = data;
    this.epochs = epochs;
    this.batchSize = Math.min(batchSize, data.train().size());
    this.seed = seed;
    trainImages = images(data, data.train());
    trainLabels = torch.tensor(data.train().labels());
    testImages = images(data, data.test());
    testLabels = torch.tensor(data.test().labels());
  }

  /** For all of libtorch in this process. */
  static void useThreads(int threads) {
    torch.set_num_threads(threads);
    openblas_nolapack.blas_set_num_threads(threads); // libtorch leaves its BLAS as it is
  }

  /** Told of progress. */
  interface Listener {
    void step(int step, double loss);
  }

  int stepsPerEpoch() {
    return (data.train().size() + batchSize - 1) / batchSize;
  }

  int steps() {
    return epochs * stepsPerEpoch();
  }

  /** The optimizer of a spec; refuses what libtorch's does not know. */
  static Optimizer optimizer(OptimizerSpec spec) {
    return optimizer(spec, spec.module());
  }

  private static Optimizer optimizer(OptimizerSpec spec, OptiModule module) {
    return Optimizer.builder().learningRate(spec.rate(RATE)).module(module).build();
  }

  /** Where TensorFlow steps without a copy: weights in its own memory, gradients as neighbours. */
  private record Home(TensorflowVariables weights, Vector gradients) implements AutoCloseable {
    static Home of(TensorflowOptiModule module, VectorSpec spec) {
      TensorflowVariables weights = module.allocateWeights(spec);
      try {
        return new Home(weights, Vector.allocate(spec));
      } catch (RuntimeException | Error e) {
        weights.close();
        throw e;
      }
    }

    @Override
    public void close() {
      gradients.close();
      weights.close();
    }
  }

  private static @Nullable Home moved(Network model, OptiModule module) {
    if (!(module instanceof TensorflowOptiModule tensorflow)) {
      return null;
    }
    try (Vector parameters = model.parameters()) {
      Home home = Home.of(tensorflow, parameters.spec());
      try {
        model.moveTo(home.weights().vector(), home.gradients());
        return home;
      } catch (RuntimeException | Error e) {
        home.close();
        throw e;
      }
    }
  }

  RunResult run(OptimizerSpec spec, Listener listener) {
    try (ConvNet model = new ConvNet(data.rows(), data.columns(), data.classes(), seed)) {
      double initialLoss = model.evaluate(trainImages, trainLabels).loss();
      OptiModule module = spec.module();
      try (Optimizer optimizer = optimizer(spec, module);
          Home home = moved(model, module)) {
        model.bindGradients(trainImages, trainLabels);
        return train(spec, module, model, optimizer, home, initialLoss, listener);
      }
    }
  }

  private RunResult train(
      OptimizerSpec spec,
      OptiModule module,
      ConvNet model,
      Optimizer optimizer,
      @Nullable Home home,
      double initialLoss,
      Listener listener) {
    try (Vector parameters = home == null ? model.parameters() : home.weights().vector();
        Vector gradients = home == null ? model.gradients() : home.gradients()) {
      Timing timing = new Timing(steps());
      long copiedBefore = NativeMemory.copiedBytes();
      Random order = new Random(seed + 1);
      for (int epoch = 0; epoch < epochs; epoch++) {
        epoch(model, optimizer, parameters, gradients, order, timing, listener);
        model.checkAddresses();
      }
      if (module instanceof TorchOptiModule stepped && stepped.hasEvalWeights()) {
        stepped.evalWeights(parameters);
      }
      return new RunResult(
          spec.text(),
          spec.rate(RATE),
          initialLoss,
          model.evaluate(trainImages, trainLabels).loss(),
          model.evaluate(testImages, testLabels).accuracy(),
          timing.medianMs(),
          timing.share(),
          timing.seconds(),
          NativeMemory.copiedBytes() - copiedBefore,
          timing.steps,
          stepsPerEpoch(),
          timing.losses);
    }
  }

  private void epoch(
      ConvNet model,
      Optimizer optimizer,
      Vector parameters,
      Vector gradients,
      Random random,
      Timing timing,
      Listener listener) {
    long[] shuffled = Dataset.shuffled(data.train().size(), random);
    Tensor order = torch.tensor(shuffled);
    for (int from = 0; from < shuffled.length; from += batchSize) {
      long begin = System.nanoTime();
      float loss = backward(model, order, from, Math.min(batchSize, shuffled.length - from));
      // Outside of the scope above: it would free what the optimizer keeps.
      long beforeStep = System.nanoTime();
      optimizer.step(parameters, gradients);
      long afterStep = System.nanoTime();
      model.zeroGradients();
      timing.add(loss, afterStep - beforeStep, System.nanoTime() - begin);
      listener.step(timing.steps, loss);
    }
    order.deallocate();
  }

  private float backward(ConvNet model, Tensor order, int from, int size) {
    try (PointerScope scope = new PointerScope()) {
      Tensor batch = order.narrow(0, from, size);
      Tensor loss =
          model.loss(trainImages.index_select(0, batch), trainLabels.index_select(0, batch));
      loss.backward();
      return loss.item_float();
    }
  }

  /** The images of a part as a tensor, to be deallocated by the caller. */
  static Tensor images(Dataset data, Dataset.Part part) {
    Tensor flat = torch.tensor(part.images());
    Tensor images = flat.reshape(part.size(), 1, data.rows(), data.columns());
    flat.deallocate(); // the handle only: the memory is shared
    return images;
  }

  @Override
  public void close() {
    trainImages.deallocate();
    trainLabels.deallocate();
    testImages.deallocate();
    testLabels.deallocate();
  }

  /** What the steps took. */
  private static final class Timing {
    private final float[] losses;
    private final long[] optimizerNanos;
    private final long[] nanos;
    private int steps;

    Timing(int capacity) {
      losses = new float[capacity];
      optimizerNanos = new long[capacity];
      nanos = new long[capacity];
    }

    void add(float loss, long ofOptimizer, long ofAll) {
      losses[steps] = loss;
      optimizerNanos[steps] = ofOptimizer;
      nanos[steps] = ofAll;
      steps++;
    }

    double medianMs() {
      long[] sorted = optimizerNanos.clone();
      Arrays.sort(sorted);
      return sorted[sorted.length / 2] / 1e6;
    }

    double seconds() {
      return Arrays.stream(nanos).sum() / 1e9;
    }

    /** Without the first tenth of the steps, in which the JVM is still loading and compiling. */
    double share() {
      int from = steps / 10;
      return (double) Arrays.stream(optimizerNanos, from, steps).sum()
          / Arrays.stream(nanos, from, steps).sum();
    }
  }
}
