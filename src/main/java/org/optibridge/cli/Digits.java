package org.optibridge.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;

/** The UCI handwritten digits that come with optibridge (data/README.md says from where). */
final class Digits {
  static final int SIDE = 8;
  static final int FEATURES = SIDE * SIDE;
  static final int CLASSES = 10;
  static final int TEST_SIZE = 360;
  private static final String RESOURCE = "data/digits.csv";
  private static final float MAX_PIXEL = 16;
  private static final long SPLIT_SEED = 1998;

  private Digits() {}

  /** All images, split at random but always alike into 1,437 to train on and 360 to test with. */
  static Dataset load() {
    List<String> lines = lines();
    long[] order = Dataset.shuffled(lines.size(), new Random(SPLIT_SEED));
    int trainSize = lines.size() - TEST_SIZE;
    return new Dataset(
        "UCI handwritten digits",
        SIDE,
        SIDE,
        CLASSES,
        part(lines, order, 0, trainSize),
        part(lines, order, trainSize, TEST_SIZE));
  }

  private static Dataset.Part part(List<String> lines, long[] order, int from, int size) {
    float[] images = new float[size * FEATURES];
    long[] labels = new long[size];
    for (int i = 0; i < size; i++) {
      String[] cells = lines.get((int) order[from + i]).split(",", -1);
      for (int j = 0; j < FEATURES; j++) {
        images[i * FEATURES + j] = Integer.parseInt(cells[j]) / MAX_PIXEL;
      }
      labels[i] = Integer.parseInt(cells[FEATURES]);
    }
    return new Dataset.Part(images, labels);
  }

  private static List<String> lines() {
    try (InputStream in = Digits.class.getResourceAsStream(RESOURCE)) {
      if (in == null) {
        throw new CliException("the jar lacks the resource org/optibridge/cli/" + RESOURCE);
      }
      return new BufferedReader(new InputStreamReader(in, StandardCharsets.US_ASCII))
          .lines()
          .toList();
    } catch (IOException e) {
      throw new CliException("can't read the digits: " + e.getMessage(), e);
    }
  }
}
