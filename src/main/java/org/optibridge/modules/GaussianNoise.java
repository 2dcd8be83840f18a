package org.optibridge.modules;

import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.ConfigReader;
import org.optibridge.vector.Noise;
import org.optibridge.vector.NoiseKey;

/**
 * Adds independent normal noise to every element: {@code g + std × z}. What it protects depends on
 * what bounds the gradients before it and on an accountant, neither of which is here; see
 * docs/privacy.md.
 *
 * <p><b>State.</b> {@code draws}, the number of calls, with a seed; none without. Config: {@code
 * std}, {@code safe_mode}, {@code seed}.
 *
 * <p>Source: Abadi et al., <i>Deep Learning with Differential Privacy</i>, 2016.
 */
public final class GaussianNoise extends NoiseModule {
  /** The registered name. */
  public static final String NAME = "gaussian-noise";

  /**
   * @param std standard deviation; 0, or from 1e-36 to 1e36
   * @param safeMode whether to refuse a seed; the generator is cryptographic either way
   * @param seed for noise that is the same at every run, for tests; null for a secret random key
   * @throws IllegalArgumentException if the deviation is out of range, or there is a seed in safe
   *     mode
   */
  public GaussianNoise(double std, boolean safeMode, @Nullable Long seed) {
    super(NAME, "std", std, safeMode, seed);
  }

  static GaussianNoise from(ConfigReader config) {
    return new GaussianNoise(config.number("std", 1.0), safeMode(config), seed(NAME, config));
  }

  @Override
  Noise noise(NoiseKey key, long draw, double scale) {
    return Noise.gaussian(key, draw, scale);
  }
}
