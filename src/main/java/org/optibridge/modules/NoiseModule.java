package org.optibridge.modules;

import java.math.BigInteger;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.FormulaModule;
import org.optibridge.optimizer.State;
import org.optibridge.vector.Noise;
import org.optibridge.vector.NoiseKey;
import org.optibridge.vector.Vector;

/**
 * Adds noise to gradients, in their own dtype. The generator is cryptographic in every mode; what
 * differs is where its key comes from and whether noise may come again.
 *
 * <p><b>Without a seed</b> the key is drawn from the operating system, for this object alone, and
 * is in no config or state. No draw is ever used twice: a step that is rolled back, a reset and a
 * restored state leave the count of draws as it is. There is no state to save.
 *
 * <p><b>With a seed</b>, for tests only, the noise is the same on every machine. The count of draws
 * is the state's {@code draws}: it goes back with a step that is rolled back, to 0 with a reset,
 * and to the saved one with a restored state.
 */
abstract class NoiseModule extends FormulaModule {
  private static final String SAFE_MODE = "safe_mode";
  private static final String SEED = "seed";
  private static final String DRAWS = "draws";

  private final String scaleKey;
  private final double scale;
  private final boolean safeMode;
  private final @Nullable Long seed;
  private final NoiseKey key;
  // One of these two counts draws. The first is outside of the state, so that nothing rewinds it.
  private final AtomicLong unseededDraws = new AtomicLong();
  private final @Nullable StateNumber seededDraws;

  NoiseModule(String name, String scaleKey, double scale, boolean safeMode, @Nullable Long seed) {
    super(name);
    if (!Noise.isScale(scale)) {
      throw new IllegalArgumentException(
          name
              + ": '"
              + scaleKey
              + "' must be 0 or from "
              + Noise.MIN_SCALE
              + " to "
              + Noise.MAX_SCALE
              + ", not "
              + scale);
    }
    if (safeMode && seed != null) {
      throw new IllegalArgumentException(
          name
              + ": a seed makes noise that can be computed again, which safe mode excludes; leave"
              + " out 'seed', or set 'safe_mode' to false for a test");
    }
    this.scaleKey = scaleKey;
    this.scale = scale;
    this.safeMode = safeMode;
    this.seed = seed;
    this.key = seed == null ? NoiseKey.random() : NoiseKey.ofSeed(seed);
    this.seededDraws = seed == null ? null : number(DRAWS);
  }

  static boolean safeMode(ConfigReader config) {
    return config.flag(SAFE_MODE, true);
  }

  /** Reads a seed of 64 bits, which {@link ConfigReader#integer} would take for a float64. */
  static @Nullable Long seed(String name, ConfigReader config) {
    Object value = config.value(SEED, null);
    if (value == null) {
      return null;
    }
    if (value instanceof Long || value instanceof Integer || value instanceof Short) {
      return ((Number) value).longValue();
    }
    if (value instanceof BigInteger big && big.signum() >= 0 && big.bitLength() <= Long.SIZE) {
      return big.longValue(); // numpy's seeds are not negative; its upper half has a sign here
    }
    throw new IllegalArgumentException(
        name + ": 'seed' must be a whole number of 64 bits, not " + value);
  }

  /** Noise of this module's kind. */
  abstract Noise noise(NoiseKey key, long draw, double scale);

  @Override
  protected final Vector compute(Vector gradients, @Nullable Vector params) {
    return gradients.plus(noise(key, nextDraw(), scale));
  }

  private long nextDraw() {
    StateNumber draws = seededDraws;
    return draws == null ? unseededDraws.getAndIncrement() : (long) draws.increment() - 1;
  }

  @Override
  public final void setState(State state) {
    if (seededDraws != null && state.has(DRAWS)) {
      double draws = state.number(DRAWS);
      if (!(draws >= 0 && draws <= 1L << 53) || draws != Math.rint(draws)) {
        throw new IllegalArgumentException(
            "'" + name() + "': '" + DRAWS + "' of the state must be a count, not " + draws);
      }
    }
    super.setState(state);
  }

  @Override
  public final Map<String, Object> getConfig() {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put(scaleKey, scale);
    config.put(SAFE_MODE, safeMode);
    if (seed != null) {
      config.put(SEED, seed);
    }
    return config;
  }
}
