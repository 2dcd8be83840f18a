package org.optibridge.cli;

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
