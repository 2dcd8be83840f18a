package org.optibridge.modules;

import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.ConfigReader;
import org.optibridge.vector.Noise;
import org.optibridge.vector.NoiseKey;

/**
 * Adds independent Laplace noise to every element: {@code g + x} with x of density {@code exp(-|x|
 * / scale) / (2 × scale)}. What it protects depends on what bounds the gradients before it, in the
 * L1 norm, and on an accountant, neither of which is here; see docs/privacy.md.
 *
 * <p><b>State.</b> {@code draws}, the number of calls, with a seed; none without. Config: {@code
 * scale}, {@code safe_mode}, {@code seed}.
 *
 * <p>Source: Dwork et al., <i>Calibrating Noise to Sensitivity in Private Data Analysis</i>, 2006.
 */
public final class LaplaceNoise extends NoiseModule {
  /** The registered name. */
  public static final String NAME = "laplace-noise";

  /**
   * @param scale b in the density; 0, or from 1e-36 to 1e36
   * @param safeMode whether to refuse a seed; the generator is cryptographic either way
   * @param seed for noise that is the same at every run, for tests; null for a secret random key
   * @throws IllegalArgumentException if the scale is out of range, or there is a seed in safe mode
   */
  public LaplaceNoise(double scale, boolean safeMode, @Nullable Long seed) {
    super(NAME, "scale", scale, safeMode, seed);
  }

  static LaplaceNoise from(ConfigReader config) {
    return new LaplaceNoise(config.number("scale", 1.0), safeMode(config), seed(NAME, config));
  }

  @Override
  Noise noise(NoiseKey key, long draw, double scale) {
    return Noise.laplace(key, draw, scale);
  }
}
