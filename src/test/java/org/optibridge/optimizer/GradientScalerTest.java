package org.optibridge.optimizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.optibridge.modules.Adam;
import org.optibridge.modules.L2GlobalClipping;
import org.optibridge.schedulers.Warmup;
import org.optibridge.vector.DType;
import org.optibridge.vector.Vector;

/**
 * The scale's course against torch.amp.GradScaler 2.10, and that a skipped step changes nothing.
 */
class GradientScalerTest {
  /**
   * What {@code state_dict()} of torch 2.10 held after each update: scale and growth tracker. In a
   * course {@code .} is a step of finite gradients, {@code x} one with an infinite element, {@code
   * n} one with a NaN.
   */
  static List<Arguments> courses() {
    return List.of(
        Arguments.of(
            new GradientScaler(65536, 2, 0.5, 3),
            "....x..x....nx.......x",
            new double[] {
              65536, 65536, 131072, 131072, 65536, 65536, 65536, 32768, 32768, 32768, 65536, 65536,
              32768, 16384, 16384, 16384, 32768, 32768, 32768, 65536, 65536, 32768
            },
            new int[] {1, 2, 0, 1, 0, 1, 2, 0, 1, 2, 0, 1, 0, 0, 1, 2, 0, 1, 2, 0, 1, 0}),
        Arguments.of(
            new GradientScaler(3, 1.7, 0.3, 2),
            "x..x....n...",
            new double[] {
              0.8999999761581421, 0.8999999761581421, 1.5299999713897705, 0.45899999141693115,
              0.45899999141693115, 0.780299961566925, 0.780299961566925, 1.326509952545166,
              0.39795297384262085, 0.39795297384262085, 0.676520049571991, 0.676520049571991
            },
            new int[] {0, 1, 0, 0, 1, 0, 1, 0, 0, 1, 0, 1}),
        // Never infinite.
        Arguments.of(
            new GradientScaler(0x1p126, 2, 0.5, 1),
            "....x.",
            new double[] {0x1p127, 0x1p127, 0x1p127, 0x1p127, 0x1p126, 0x1p127},
            new int[] {0, 0, 0, 0, 0, 0}));
  }

  private static Vector gradients(DType dtype, char kind) {
    double last = kind == 'x' ? Double.POSITIVE_INFINITY : kind == 'n' ? Double.NaN : 3;
    return Vector.builder()
        .copy("w", dtype, new double[] {1, -2}, 2)
        .copy("b", dtype, new double[] {last}, 1)
        .build();
  }

  @ParameterizedTest
  @MethodSource("courses")
  void scaleGoesAsInTorch(GradientScaler scaler, String course, double[] scales, int[] trackers) {
    try (Optimizer optimizer = Optimizer.builder().learningRate(0).build();
        Vector params = gradients(DType.FLOAT32, '.')) {
      for (int i = 0; i < course.length(); i++) {
        char kind = course.charAt(i);
        try (Vector gradients = gradients(i % 2 == 0 ? DType.BFLOAT16 : DType.FLOAT32, kind)) {
          assertThat(scaler.step(optimizer, params, gradients)).isEqualTo(kind == '.');
        }
        assertThat(scaler.foundInf()).isEqualTo(kind != '.');
        scaler.update();
        assertThat(scaler.scale()).as("scale after %d", i).isEqualTo(scales[i]);
        try (State state = scaler.getState()) {
          assertThat(state.number("scale")).isEqualTo(scales[i]);
          assertThat(state.number("_growth_tracker")).as("after %d", i).isEqualTo(trackers[i]);
        }
      }
    }
  }

  @Test
  void defaultsAreThoseOfTorch() {
    assertThat(new GradientScaler().getConfig())
        .isEqualTo(
            Map.of(
                "init_scale", 65536.0,
                "growth_factor", 2.0,
                "backoff_factor", 0.5,
                "growth_interval", 2000L,
                "enabled", true));
    assertThat(GradientScaler.fromConfig(Map.of()).scale()).isEqualTo(65536);
  }

  private static Optimizer adam() {
    return Optimizer.builder()
        .learningRate(new Warmup(0.1, 5))
        .module(new L2GlobalClipping(1))
        .module(new Adam(0.9, 0.999, false, 1e-8, false))
        .build();
  }

  /** A scaled step is the step of the plain gradients: the scale is a power of two. */
  @Test
  void scaledStepsAreStepsAndSkippedOnesAreNone() {
    GradientScaler scaler = new GradientScaler();
    try (Optimizer scaled = adam();
        Optimizer plain = adam();
        Vector one = gradients(DType.FLOAT32, '.');
        Vector other = gradients(DType.FLOAT32, '.');
        Vector gradients = gradients(DType.FLOAT32, '.');
        Vector bad = gradients(DType.FLOAT32, 'n')) {
      for (int i = 0; i < 4; i++) {
        try (State before = scaled.getState();
            Vector large = scaler.scale(gradients).materialize()) {
          double[] weights = one.flatten();
          assertThat(scaler.step(scaled, one, bad)).isFalse();
          scaler.update();
          assertThat(one.flatten()).isEqualTo(weights);
          try (State after = scaled.getState()) {
            assertThat(StateValues.of(after)).isEqualTo(StateValues.of(before));
          }
          scaler.update(65536);
          assertThat(scaler.step(scaled, one, large)).isTrue();
          scaler.update();
        }
        plain.step(other, gradients);
        assertThat(one.flatten()).isEqualTo(other.flatten());
      }
    }
  }

  @Test
  void unscalingByHandIsCounted() {
    GradientScaler scaler = new GradientScaler(4, 2, 0.5, 2000);
    try (Vector good = gradients(DType.FLOAT16, '.');
        Vector bad = gradients(DType.FLOAT16, 'x')) {
      assertThat(scaler.unscale(good).flatten()).containsExactly(0.25, -0.5, 0.75);
      assertThat(scaler.foundInf()).isFalse();
      scaler.unscale(bad);
      assertThat(scaler.foundInf()).isTrue();
      scaler.unscale(good);
      assertThat(scaler.foundInf()).isTrue();
      scaler.update();
      assertThat(scaler.scale()).isEqualTo(2);
      assertThat(scaler.foundInf()).isFalse();
    }
  }

  @Test
  void ordersThatMakeNoSenseAreRefused() {
    GradientScaler scaler = new GradientScaler();
    try (Optimizer optimizer = adam();
        Vector params = gradients(DType.FLOAT32, '.');
        Vector gradients = gradients(DType.FLOAT32, '.')) {
      assertThatThrownBy(scaler::update)
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("step or unscale");
      scaler.step(optimizer, params, gradients);
      double[] weights = params.flatten();
      assertThatThrownBy(() -> scaler.step(optimizer, params, gradients))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("update()");
      assertThat(params.flatten()).isEqualTo(weights);
      scaler.update();
      scaler.step(optimizer, params, gradients);
    }
    GradientScaler smallest = new GradientScaler(Float.MIN_VALUE, 2, 0.5, 1);
    try (Vector bad = gradients(DType.FLOAT32, 'x')) {
      smallest.unscale(bad);
      assertThatThrownBy(smallest::update)
          .isInstanceOf(ArithmeticException.class)
          .hasMessageContaining("whatever the scale");
      assertThat(smallest.scale()).isEqualTo(Float.MIN_VALUE);
    }
  }

  @Test
  void stateComesBackAndBadOnesAreRefused() {
    GradientScaler scaler = new GradientScaler(8, 3, 0.25, 7);
    try (Vector good = gradients(DType.FLOAT32, '.')) {
      scaler.unscale(good);
      scaler.update();
    }
    GradientScaler other = new GradientScaler();
    try (State state = scaler.getState();
        State empty = new State()) {
      other.setState(state);
      assertThat(StateValues.of(other.getState())).isEqualTo(StateValues.of(state));
      assertThatThrownBy(() -> other.setState(empty)).hasMessageContaining("growth_interval");
      for (Map.Entry<String, Double> bad :
          Map.of(
                  "scale", 0.0,
                  "growth_factor", 1.0,
                  "backoff_factor", 1.0,
                  "growth_interval", 0.5,
                  "_growth_tracker", -1.0)
              .entrySet()) {
        try (State broken = scaler.getState()) {
          broken.put(bad.getKey(), bad.getValue());
          assertThatThrownBy(() -> other.setState(broken))
              .isInstanceOf(IllegalArgumentException.class)
              .hasMessageContaining(bad.getKey());
          assertThat(StateValues.of(other.getState())).isEqualTo(StateValues.of(state));
        }
      }
    }
  }

  @Test
  void optionsOutOfRangeAreNamed() {
    for (Map.Entry<String, Object> bad :
        Map.<String, Object>of(
                "init_scale", 1e39,
                "growth_factor", 1,
                "backoff_factor", 0,
                "growth_interval", 0,
                "enabled", "yes",
                "growth", 2)
            .entrySet()) {
      assertThatThrownBy(() -> GradientScaler.fromConfig(Map.of(bad.getKey(), bad.getValue())))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("'" + bad.getKey() + "'");
    }
  }

  @Test
  void aDisabledScalerLetsEverythingThrough() {
    GradientScaler scaler = GradientScaler.fromConfig(Map.of("enabled", false));
    try (Optimizer optimizer = Optimizer.builder().learningRate(1).build();
        Vector params = gradients(DType.FLOAT32, '.');
        Vector gradients = gradients(DType.FLOAT32, 'x')) {
      assertThat(scaler.scale()).isEqualTo(1);
      assertThat(scaler.scale(gradients)).isSameAs(gradients);
      assertThat(scaler.step(optimizer, params, gradients)).isTrue();
      scaler.update();
      scaler.update(3);
      assertThat(params.flatten()).containsExactly(0, 0, Double.NEGATIVE_INFINITY);
      assertThat(scaler.getState().keys()).isEmpty();
    }
  }
}
