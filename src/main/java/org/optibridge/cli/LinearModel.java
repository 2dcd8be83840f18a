package org.optibridge.cli;

import java.util.Random;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** Softmax regression: one linear layer, whose loss is convex. */
final class LinearModel extends Network {
  /** The same seed gives the same weights. */
  LinearModel(int rows, int columns, int classes, long seed) {
    layer("linear", new Random(seed), classes, (long) rows * columns);
  }

  @Override
  Tensor forward(Tensor images) {
    return linear(torch.flatten(images, 1, -1), 0);
  }
}
