package org.optibridge.cli;

import java.util.Arrays;
import java.util.Random;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.optibridge.memory.NativeMemory;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.torch.TorchOptiModule;
import org.optibridge.torch.TorchOptimizers;
import org.optibridge.vector.Vector;

/** Trains the same model on the same batches, once per optimizer. */
final class Trainer implements AutoCloseable {
  private final Dataset data;
  private final int epochs;
  private final int batchSize;
  private final long seed;
  private final Tensor trainImages;
  private final Tensor trainLabels;
  private final Tensor testImages;
  private final Tensor testLabels;

  Trainer(Dataset data, int epochs, int batchSize, long seed, int threads) {
    torch.set_num_threads(threads);
    this.data = data;
    this.epochs = epochs;
    this.batchSize = Math.min(batchSize, data.train().size());
    this.seed = seed;
    trainImages = images(data, data.train());
    trainLabels = torch.tensor(data.train().labels());
    testImages = images(data, data.test());
    testLabels = torch.tensor(data.test().labels());
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
    try {
      TorchOptiModule module = TorchOptiModule.of(spec.name(), spec.options());
      return Optimizer.builder().learningRate(learningRate(spec)).module(module).build();
    } catch (IllegalArgumentException | UnsupportedOperationException e) {
      throw new CliException("bad optimizer \"" + spec.text() + "\": " + e.getMessage(), e);
    }
  }

  private static double learningRate(OptimizerSpec spec) {
    Double given = spec.learningRate();
    return given != null ? given : TorchOptimizers.get(spec.name()).defaultLearningRate();
  }

  RunResult run(OptimizerSpec spec, Listener listener) {
    try (ConvNet model = new ConvNet(data.rows(), data.columns(), data.classes(), seed)) {
      double initialLoss = model.evaluate(trainImages, trainLabels).loss();
      model.bindGradients(trainImages, trainLabels);
      try (Vector parameters = model.parameters();
          Vector gradients = model.gradients();
          Optimizer optimizer = optimizer(spec)) {
        Timing timing = new Timing(steps());
        long copiedBefore = NativeMemory.copiedBytes();
        Random order = new Random(seed + 1);
        for (int epoch = 0; epoch < epochs; epoch++) {
          epoch(model, optimizer, parameters, gradients, order, timing, listener);
          model.checkAddresses();
        }
        return new RunResult(
            spec.text(),
            learningRate(spec),
            initialLoss,
            model.evaluate(trainImages, trainLabels).loss(),
            model.evaluate(testImages, testLabels).accuracy(),
            timing.medianMs(),
            timing.share(),
            timing.totalNanos / 1e9,
            NativeMemory.copiedBytes() - copiedBefore,
            timing.steps,
            stepsPerEpoch(),
            timing.losses);
      }
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

  private static Tensor images(Dataset data, Dataset.Part part) {
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
    private final long[] stepNanos;
    private long totalNanos;
    private int steps;

    Timing(int capacity) {
      losses = new float[capacity];
      stepNanos = new long[capacity];
    }

    void add(float loss, long optimizerNanos, long nanos) {
      losses[steps] = loss;
      stepNanos[steps] = optimizerNanos;
      totalNanos += nanos;
      steps++;
    }

    double medianMs() {
      long[] sorted = stepNanos.clone();
      Arrays.sort(sorted);
      return sorted[sorted.length / 2] / 1e6;
    }

    double share() {
      return (double) Arrays.stream(stepNanos).sum() / totalNanos;
    }
  }
}
