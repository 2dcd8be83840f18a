package org.optibridge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class DigitsTest {
  @Test
  void everyImageIsThereOnce() {
    Dataset digits = Digits.load();
    assertThat(digits.train().size()).isEqualTo(1437);
    assertThat(digits.test().size()).isEqualTo(360);
    assertThat(digits.train().images()).hasSize(1437 * 64);
    assertThat(digits.test().images()).hasSize(360 * 64);
    long[] counts = new long[10];
    LongStream.concat(Arrays.stream(digits.train().labels()), Arrays.stream(digits.test().labels()))
        .forEach(label -> counts[(int) label]++);
    // The counts that the UCI repository states for optdigits.tes.
    assertThat(counts).containsExactly(178, 182, 177, 183, 181, 182, 181, 179, 174, 180);
  }

  @Test
  void pixelsAreScaled() {
    float[] images = Digits.load().train().images();
    double max = IntStream.range(0, images.length).mapToDouble(i -> images[i]).max().orElseThrow();
    double min = IntStream.range(0, images.length).mapToDouble(i -> images[i]).min().orElseThrow();
    assertThat(min).isZero();
    assertThat(max).isEqualTo(1);
  }

  @Test
  void theSplitIsAlwaysTheSame() {
    assertThat(Digits.load().test().labels()).isEqualTo(Digits.load().test().labels());
    assertThat(Arrays.stream(Digits.load().test().labels()).distinct().count()).isEqualTo(10);
  }

  @Test
  void shufflingIsAPermutation() {
    long[] order = Dataset.shuffled(1000, new Random(7));
    assertThat(order).isNotEqualTo(LongStream.range(0, 1000).toArray());
    assertThat(Arrays.stream(order).sorted().toArray())
        .isEqualTo(LongStream.range(0, 1000).toArray());
  }
}
