package org.optibridge.modules;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.testing.Golden;
import org.optibridge.vector.DType;
import org.optibridge.vector.Vector;

/** The distribution of the noise, within five standard errors; noise for noise it is fixed. */
class NoiseStatisticsTest {
  private record Moments(double mean, double std, double skewness, double kurtosis, double share) {
    static Moments of(double[] x, double scale) {
      double mean = Arrays.stream(x).average().orElseThrow();
      double m2 = central(x, mean, 2);
      return new Moments(
          mean,
          Math.sqrt(m2),
          central(x, mean, 3) / Math.pow(m2, 1.5),
          central(x, mean, 4) / (m2 * m2),
          Arrays.stream(x).filter(value -> Math.abs(value) <= scale).count() / (double) x.length);
    }

    private static double central(double[] x, double mean, int power) {
      return Arrays.stream(x).map(v -> Math.pow(v - mean, power)).average().orElseThrow();
    }
  }

  private static double[] noise(OptiModule module, DType dtype, long samples) {
    try (module;
        Vector zeros = Vector.builder().allocate("w", dtype, samples).build()) {
      Vector noise = module.run(zeros, null);
      assertThat(noise).isNotNull();
      return noise.flatten();
    }
  }

  static List<Golden.Case> recorded() {
    return Golden.cases("facts.json").stream()
        .filter(one -> one.get("data").has("accept"))
        .toList();
  }

  @ParameterizedTest
  @MethodSource("recorded")
  void gaussianNoiseIsWhatTheOriginalsIs(Golden.Case recorded) {
    JsonNode data = recorded.get("data");
    JsonNode accept = data.get("accept");
    double std = data.get("std").asDouble();
    boolean safe = data.get("safe_mode").asBoolean();
    for (DType dtype : List.of(DType.FLOAT32, DType.FLOAT64)) {
      GaussianNoise module = new GaussianNoise(std, safe, safe ? null : 12L);
      Moments got = Moments.of(noise(module, dtype, data.get("samples").asLong()), std);
      assertThat(Math.abs(got.mean)).isLessThan(accept.get("abs_mean_below").asDouble());
      assertThat(got.std).isBetween(at(accept, "std_between", 0), at(accept, "std_between", 1));
      assertThat(Math.abs(got.skewness)).isLessThan(accept.get("abs_skewness_below").asDouble());
      assertThat(Math.abs(got.kurtosis - 3))
          .isLessThan(accept.get("abs_excess_kurtosis_below").asDouble());
      assertThat(got.share)
          .isBetween(at(accept, "share_within_1_std", 0), at(accept, "share_within_1_std", 1));
    }
  }

  private static double at(JsonNode object, String key, int position) {
    return object.get(key).get(position).asDouble();
  }

  @ParameterizedTest
  @ValueSource(doubles = {1, 0.25})
  void laplaceNoise(double scale) {
    int n = 400_000;
    double errors = 5 / Math.sqrt(n);
    Moments got = Moments.of(noise(new LaplaceNoise(scale, false, 3L), DType.FLOAT64, n), scale);
    assertThat(got.mean).isCloseTo(0, within(errors * scale * Math.sqrt(2)));
    assertThat(got.std).isCloseTo(scale * Math.sqrt(2), within(errors * scale * Math.sqrt(2.5)));
    assertThat(got.skewness).isCloseTo(0, within(errors * Math.sqrt(63)));
    assertThat(got.kurtosis).isCloseTo(6, within(errors * Math.sqrt(1188)));
    double share = 1 - Math.exp(-1);
    assertThat(got.share).isCloseTo(share, within(errors * Math.sqrt(share * (1 - share))));
  }

  @Test
  void tensorsElementsAndCallsAreIndependent() {
    int n = 200_000;
    try (GaussianNoise module = new GaussianNoise(1, false, 99L);
        Vector zeros =
            Vector.builder()
                .allocate("a", DType.FLOAT64, n)
                .allocate("b", DType.FLOAT64, n)
                .build()) {
      Vector first = module.run(zeros, null);
      Vector second = module.run(zeros, null);
      assertThat(first).isNotNull();
      assertThat(second).isNotNull();
      double[] a = first.toDoubles("a");
      assertUncorrelated(a, first.toDoubles("b"));
      assertUncorrelated(a, second.toDoubles("a"));
      for (int lag : new int[] {1, 2, 16, 64, 128, 1024}) {
        assertUncorrelated(Arrays.copyOfRange(a, 0, n - lag), Arrays.copyOfRange(a, lag, n));
      }
    }
  }

  /** Neither the values nor their squares, which would show a common radius. */
  private static void assertUncorrelated(double[] x, double[] y) {
    double products = 0;
    double squares = 0;
    for (int i = 0; i < x.length; i++) {
      products += x[i] * y[i];
      squares += (x[i] * x[i] - 1) * (y[i] * y[i] - 1) / 2;
    }
    double error = 5 / Math.sqrt(x.length);
    assertThat(products / x.length).isCloseTo(0, within(error));
    assertThat(squares / x.length).isCloseTo(0, within(error));
  }
}
