package org.optibridge.cli;

import java.util.Arrays;
import java.util.Random;

/**
 * Images with their classes.
 *
 * @param name what to call it
 * @param rows height of an image in pixels
 * @param columns its width
 * @param classes number of classes
 * @param train what to train on
 * @param test what to measure accuracy on
 */
record Dataset(String name, int rows, int columns, int classes, Part train, Part test) {

  /** Images one after another, pixels from 0 to 1, and one label per image. */
  @SuppressWarnings("ArrayRecordComponent") // compared by nobody
  record Part(float[] images, long[] labels) {
    int size() {
      return labels.length;
    }

    /** A copy of the images from one position to another. */
    private Part range(int from, int to) {
      int pixels = images.length / labels.length;
      return new Part(
          Arrays.copyOfRange(images, from * pixels, to * pixels),
          Arrays.copyOfRange(labels, from, to));
    }
  }

  /** The training images alone, of which the last fifth takes the place of the test images. */
  Dataset heldOut() {
    int rest = train.size() - train.size() / 5;
    return new Dataset(
        name, rows, columns, classes, train.range(0, rest), train.range(rest, train.size()));
  }

  /** The numbers below {@code n} in an order that depends on {@code random} only. */
  static long[] shuffled(int n, Random random) {
    long[] order = new long[n];
    for (int i = 0; i < n; i++) {
      int j = random.nextInt(i + 1);
      order[i] = order[j];
      order[j] = i;
    }
    return order;
  }
}
