package org.optibridge.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class ShardingTest {
  private static final int CLASSES = 10;
  private static final long[] LABELS = Digits.load().train().labels();

  private static List<long[]> split(Sharding.Kind kind, double value, int clients, long seed) {
    return new Sharding(kind, value).split(LABELS, CLASSES, clients, new Random(seed));
  }

  private static double skew(Sharding.Kind kind, double value) {
    return Sharding.skew(LABELS, CLASSES, split(kind, value, 10, 3));
  }

  @ParameterizedTest
  @CsvSource({
    "IID, 0, 7",
    "LABEL_SHARDS, 1, 10",
    "LABEL_SHARDS, 2, 10",
    "LABEL_SHARDS, 3, 100",
    "DIRICHLET, 0.1, 10",
    "DIRICHLET, 0.05, 5",
    "DIRICHLET, 5, 20"
  })
  void everyImageHasOneClient(Sharding.Kind kind, double value, int clients) {
    List<long[]> parts = split(kind, value, clients, 1);
    assertThat(parts).hasSize(clients).noneMatch(part -> part.length == 0);
    assertThat(parts.stream().flatMapToLong(Arrays::stream).sorted().toArray())
        .isEqualTo(LongStream.range(0, LABELS.length).toArray());
  }

  @ParameterizedTest
  @EnumSource
  void theSeedDecides(Sharding.Kind kind) {
    List<long[]> parts = split(kind, 1, 10, 5);
    List<long[]> again = split(kind, 1, 10, 5);
    List<long[]> other = split(kind, 1, 10, 6);
    for (int i = 0; i < parts.size(); i++) {
      assertThat(again.get(i)).isEqualTo(parts.get(i));
    }
    assertThat(parts.get(0)).isNotEqualTo(other.get(0));
  }

  @Test
  void aClientOfTwoShardsKnowsFewLabels() {
    for (long[] part : split(Sharding.Kind.LABEL_SHARDS, 2, 10, 1)) {
      // A shard has at most as many images as a label, so it touches two labels at most.
      assertThat(Arrays.stream(part).map(i -> LABELS[(int) i]).distinct().count())
          .isBetween(1L, 4L);
      assertThat(part.length).isBetween(142, 145);
    }
  }

  @Test
  void skewTellsEvenFromUneven() {
    assertThat(skew(Sharding.Kind.IID, 0)).isLessThan(0.15);
    assertThat(skew(Sharding.Kind.DIRICHLET, 1000)).isLessThan(0.05);
    assertThat(skew(Sharding.Kind.DIRICHLET, 0.1)).isBetween(0.5, 0.9);
    assertThat(skew(Sharding.Kind.LABEL_SHARDS, 2))
        .isBetween(0.65, 0.85)
        .isLessThan(skew(Sharding.Kind.LABEL_SHARDS, 1));
  }

  @Test
  void skewByHand() {
    long[] labels = {0, 0, 1, 1};
    assertThat(Sharding.skew(labels, 2, List.of(new long[] {0, 1}, new long[] {2, 3})))
        .isEqualTo(0.5);
    assertThat(Sharding.skew(labels, 2, List.of(new long[] {0, 2}, new long[] {1, 3}))).isZero();
    // 3/4 of distance 1/6 and 1/4 of distance 1/2.
    assertThat(Sharding.skew(labels, 2, List.of(new long[] {0, 1, 2}, new long[] {3})))
        .isCloseTo(0.25, within(1e-12));
  }

  @Test
  void tooManyClientsAreRefused() {
    assertThatThrownBy(() -> new Sharding(Sharding.Kind.LABEL_SHARDS, 2).check(1437, 1000))
        .isInstanceOf(CliException.class)
        .hasMessage(
            "1437 images can't be cut into 2000 parts: ask for fewer --clients or"
                + " --shards-per-client");
    assertThatThrownBy(() -> split(Sharding.Kind.DIRICHLET, 0.001, 500, 1))
        .isInstanceOf(CliException.class)
        .hasMessageContaining("ask for a larger --alpha");
  }
}
