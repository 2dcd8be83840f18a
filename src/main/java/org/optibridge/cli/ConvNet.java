package org.optibridge.cli;

import java.util.Random;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/** A small convolutional network. */
final class ConvNet extends Network {
  private static final int CHANNELS_1 = 16;
  private static final int CHANNELS_2 = 32;
  private static final int KERNEL = 3;
  private static final int HIDDEN = 64;

  /** The same seed gives the same weights. */
  ConvNet(int rows, int columns, int classes, long seed) {
    Random random = new Random(seed);
    int features = CHANNELS_2 * ((rows + 1) / 2) * ((columns + 1) / 2);
    layer("conv1", random, CHANNELS_1, 1, KERNEL, KERNEL);
    layer("conv2", random, CHANNELS_2, CHANNELS_1, KERNEL, KERNEL);
    layer("linear1", random, HIDDEN, features);
    layer("linear2", random, classes, HIDDEN);
  }

  @Override
  Tensor forward(Tensor images) {
    Tensor first = torch.relu(convolve(images, 0, 1));
    Tensor second = torch.relu(convolve(first, 2, 2));
    Tensor hidden = torch.relu(linear(torch.flatten(second, 1, -1), 4));
    return linear(hidden, 6);
  }

  private Tensor convolve(Tensor input, int index, long stride) {
    return torch.conv2d(
        input,
        parameter(index),
        new TensorOptional(parameter(index + 1)),
        new long[] {stride, stride},
        new long[] {1, 1},
        new long[] {1, 1},
        1);
  }
}
