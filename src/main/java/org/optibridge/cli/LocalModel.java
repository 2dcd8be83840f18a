package org.optibridge.cli;

import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.optibridge.vector.Vector;

/**
 * The model that clients train in turn, each from the weights that it received: one model in memory
 * stands for all of theirs.
 */
final class LocalModel implements AutoCloseable {
  private final Network net;
  private final Vector parameters;
  private final Vector gradients;
  private final Tensor trainImages;
  private final Tensor trainLabels;
  private final Tensor testImages;
  private final Tensor testLabels;

  LocalModel(Dataset data, Network.Model model, long seed) {
    trainImages = Trainer.images(data, data.train());
    trainLabels = torch.tensor(data.train().labels());
    testImages = Trainer.images(data, data.test());
    testLabels = torch.tensor(data.test().labels());
    net = Network.create(model, data, seed);
    net.bindGradients(trainImages, trainLabels);
    parameters = net.parameters();
    gradients = net.gradients();
  }

  /** The model's own tensors, written to by optimizers. */
  Vector parameters() {
    return parameters;
  }

  /** What {@link #backward} wrote. */
  Vector gradients() {
    return gradients;
  }

  /** The mean loss of a batch; its gradients are written. */
  float backward(long[] batch) {
    net.zeroGradients();
    try (PointerScope scope = new PointerScope()) {
      Tensor positions = torch.tensor(batch);
      Tensor loss =
          net.loss(trainImages.index_select(0, positions), trainLabels.index_select(0, positions));
      loss.backward();
      return loss.item_float();
    }
  }

  Network.Score train() {
    return net.evaluate(trainImages, trainLabels);
  }

  Network.Score test() {
    return net.evaluate(testImages, testLabels);
  }

  /** Fails if libtorch has moved a tensor since it was handed over. */
  void check() {
    net.checkAddresses();
  }

  @Override
  public void close() {
    parameters.close();
    gradients.close();
    net.close();
    trainImages.deallocate();
    trainLabels.deallocate();
    testImages.deallocate();
    testLabels.deallocate();
  }
}
