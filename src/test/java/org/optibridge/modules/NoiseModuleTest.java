package org.optibridge.modules;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigInteger;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.optibridge.optimizer.FormulaModule;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.Registry;
import org.optibridge.optimizer.State;
import org.optibridge.state.ConfigJson;
import org.optibridge.testing.Golden;
import org.optibridge.vector.DType;
import org.optibridge.vector.Vector;

/** Which noise comes when: with seeds the same again, without them never. */
class NoiseModuleTest {
  private static final Map<String, Object> SEEDED = Map.of("safe_mode", false, "seed", 42);

  private static double[] draw(OptiModule module) {
    try (Vector zeros = Vector.builder().allocate("w", DType.FLOAT64, 300).build()) {
      Vector noise = module.run(zeros, null);
      assertThat(noise).isNotNull();
      return noise.flatten();
    }
  }

  private static void refused(String name, Map<String, Object> config, String text) {
    assertThatThrownBy(() -> Registry.module(name, config))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(name)
        .hasMessageContaining(text);
  }

  private static String scaleKey(String name) {
    return name.equals(GaussianNoise.NAME) ? "std" : "scale";
  }

  @ParameterizedTest
  @ValueSource(strings = {GaussianNoise.NAME, LaplaceNoise.NAME})
  void sameSeedSameNoiseAndEveryCallAnother(String name) {
    try (OptiModule module = Registry.module(name, SEEDED);
        OptiModule twin = Registry.module(name, SEEDED);
        OptiModule other = Registry.module(name, Map.of("safe_mode", false, "seed", 43))) {
      double[] first = draw(module);
      assertThat(draw(twin)).isEqualTo(first);
      assertThat(draw(other)).doesNotContain(first);
      double[] second = draw(module);
      assertThat(second).doesNotContain(first);
      assertThat(draw(twin)).isEqualTo(second);
      module.reset();
      assertThat(draw(module)).isEqualTo(first);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {GaussianNoise.NAME, LaplaceNoise.NAME})
  void seededRunsResumeWithEqualNoise(String name) {
    try (OptiModule module = Registry.module(name, SEEDED);
        OptiModule fresh = Registry.module(name, SEEDED)) {
      draw(module);
      draw(module);
      try (State state = module.getState()) {
        assertThat(state.keys()).containsExactly("draws");
        assertThat(state.number("draws")).isEqualTo(2);
        double[] third = draw(module);
        fresh.setState(state);
        assertThat(draw(fresh)).isEqualTo(third);
        module.setState(state);
        assertThat(draw(module)).isEqualTo(third);
      }
      for (double wrong : new double[] {-1, 0.5, Double.NaN, 1e300}) {
        State state = new State().put("draws", wrong);
        assertThatThrownBy(() -> fresh.setState(state)).hasMessageContaining("must be a count");
      }
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void unseededNoiseNeverComesAgain(boolean safeMode) {
    Map<String, Object> config = Map.of("safe_mode", safeMode);
    try (OptiModule module = Registry.module(GaussianNoise.NAME, config);
        OptiModule other = Registry.module(GaussianNoise.NAME, config);
        State before = module.getState()) {
      assertThat(before.keys()).isEmpty();
      double[] first = draw(module);
      assertThat(draw(other)).doesNotContain(first);
      module.setState(before);
      assertThat(draw(module)).doesNotContain(first);
      module.reset();
      assertThat(draw(module)).doesNotContain(first);
      other.setState(before);
      assertThat(draw(other)).doesNotContain(first);
    }
  }

  /** Fails a step once, after it has seen the noise. */
  private static final class FailingOnce extends FormulaModule {
    private double @Nullable [] seen;

    FailingOnce() {
      super("failing-once");
    }

    @Override
    protected Vector compute(Vector gradients, @Nullable Vector params) {
      if (seen == null) {
        seen = gradients.flatten();
        throw new IllegalStateException("on purpose");
      }
      return gradients;
    }

    @Override
    public Map<String, Object> getConfig() {
      return Map.of();
    }
  }

  /** What a failed step and the step after it added as noise. */
  private static List<double[]> failAndRepeat(GaussianNoise noise) {
    FailingOnce failing = new FailingOnce();
    try (Optimizer optimizer =
            Optimizer.builder().learningRate(-1).module(noise).module(failing).build();
        Vector params = Vector.builder().allocate("w", DType.FLOAT64, 50).build();
        Vector zeros = Vector.builder().allocate("w", DType.FLOAT64, 50).build()) {
      assertThatThrownBy(() -> optimizer.step(params, zeros)).hasMessage("on purpose");
      assertThat(params.flatten()).containsOnly(0);
      optimizer.step(params, zeros);
      double[] seen = failing.seen;
      assertThat(seen).isNotNull().doesNotContain(0);
      return List.of(seen, params.flatten());
    }
  }

  @Test
  void aStepRolledBackIsRepeatedOnlyWithASeed() {
    List<double[]> seeded = failAndRepeat(new GaussianNoise(1, false, 8L));
    assertThat(seeded.get(1)).isEqualTo(seeded.get(0));
    List<double[]> safe = failAndRepeat(new GaussianNoise(1, true, null));
    assertThat(safe.get(1)).doesNotContain(safe.get(0));
  }

  @Test
  void dtypesAndScalarsAreKept() {
    try (GaussianNoise module = new GaussianNoise(1, true, null);
        Vector gradients =
            Vector.builder()
                .copy("a", new float[] {1, 2, 3, 4}, 2, 2)
                .copy("z", new float[] {5})
                .copy("d", new double[] {6, 7}, 2)
                .allocate("e", DType.FLOAT32, 0)
                .build()) {
      Vector noise = module.run(gradients, null);
      assertThat(noise).isNotNull();
      try (Vector out = noise.materialize()) {
        assertThat(out.spec()).isEqualTo(gradients.spec());
        assertThat(out.minus(gradients).flatten()).doesNotContain(0).hasSize(7);
      }
    }
  }

  @Test
  void noiseIsScaledAndAdded() {
    try (GaussianNoise unit = new GaussianNoise(1, false, 4L);
        GaussianNoise wide = new GaussianNoise(3, false, 4L);
        Vector gradients = Vector.builder().copy("w", new double[] {1, -2}, 2).build();
        Vector zeros = Vector.builder().allocate("w", DType.FLOAT64, 2).build()) {
      Vector expected = unit.run(zeros, null);
      Vector actual = wide.run(gradients, null);
      assertThat(expected).isNotNull();
      assertThat(actual).isNotNull();
      assertThat(actual.flatten()).isEqualTo(expected.times(3).plus(gradients).flatten());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {GaussianNoise.NAME, LaplaceNoise.NAME})
  void configsMakeTheRoundTrip(String name) {
    for (Object seed : new Object[] {7, Long.MIN_VALUE, Long.MAX_VALUE - 1}) {
      Map<String, Object> config = new LinkedHashMap<>();
      config.put(scaleKey(name), 0.25);
      config.put("safe_mode", false);
      config.put("seed", seed);
      try (OptiModule module = Registry.module(name, config);
          OptiModule copy =
              Registry.module(name, ConfigJson.read(ConfigJson.write(module.getConfig())))) {
        assertThat(copy.getConfig()).isEqualTo(module.getConfig());
        assertThat(copy.getConfig().keySet()).isEqualTo(config.keySet());
        assertThat(copy.getConfig().get("seed")).isEqualTo(((Number) seed).longValue());
        assertThat(draw(copy)).isEqualTo(draw(module));
      }
    }
    // All 64 bits of numpy's unsigned seeds count.
    BigInteger large = BigInteger.ONE.shiftLeft(64).subtract(BigInteger.ONE);
    try (OptiModule module = Registry.module(name, Map.of("safe_mode", false, "seed", large))) {
      assertThat(module.getConfig()).containsEntry("seed", -1L);
    }
  }

  @Test
  void defaultsAreTheOriginals() {
    Map<String, Object> expected =
        Golden.cases("facts.json").stream()
            .filter(one -> one.toString().equals("facts/gaussian-noise-behaviour"))
            .map(one -> Golden.map(one.get("data").get("default_config")))
            .findFirst()
            .orElseThrow();
    try (OptiModule fromNothing = Registry.module(GaussianNoise.NAME, Map.of());
        OptiModule fromOriginal = Registry.module(GaussianNoise.NAME, expected)) {
      Map<String, Object> config = new HashMap<>(expected);
      config.values().removeIf(value -> value == null); // an absent seed is null
      assertThat(fromNothing.getConfig()).isEqualTo(config);
      assertThat(fromOriginal.getConfig()).isEqualTo(config);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {GaussianNoise.NAME, LaplaceNoise.NAME})
  void badConfigsAreRefused(String name) {
    refused(name, Map.of("seed", 1), "safe mode");
    refused(name, Map.of("safe_mode", false, "seed", 1.5), "'seed' must be a whole number");
    refused(name, Map.of("safe_mode", false, "seed", "x"), "'seed' must be a whole number");
    BigInteger large = BigInteger.ONE.shiftLeft(64);
    refused(name, Map.of("safe_mode", false, "seed", large), "'seed' must be a whole number");
    refused(name, Map.of(scaleKey(name), -1), "must be 0 or from");
    refused(name, Map.of(scaleKey(name), Double.NaN), "must be 0 or from");
    refused(name, Map.of("sigma", 1), "unknown entry 'sigma'");
    refused(name, Map.of("safe_mode", "yes"), "must be true or false");
  }
}
