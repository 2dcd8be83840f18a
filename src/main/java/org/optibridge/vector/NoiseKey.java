package org.optibridge.vector;

import org.optibridge.memory.CoreLibrary;
import org.optibridge.memory.NativeStatus;

/**
 * The secret that {@link Noise} is made from: 256 bits, a key of ChaCha20. Whoever knows it can
 * take the noise off again, so it is never shown, nor part of any config or state. Immutable.
 */
public final class NoiseKey {
  static final int WORDS = 4;

  private final long[] words;

  private NoiseKey(long[] words) {
    this.words = words;
  }

  /**
   * A new key from the operating system's generator.
   *
   * @return the key
   * @throws org.optibridge.memory.OptiBridgeException if the system has no random bytes to give
   */
  public static NoiseKey random() {
    long[] words = new long[WORDS];
    NativeStatus.check(CoreLibrary.ob_random_key(words));
    return new NoiseKey(words);
  }

  /**
   * A key that gives the same noise on every machine, for tests: it protects nothing, since seeds
   * can be tried one after the other.
   *
   * @param seed the first of the key's four 64-bit words, all bits of it; the others are 0
   * @return the key
   */
  public static NoiseKey ofSeed(long seed) {
    return new NoiseKey(new long[] {seed, 0, 0, 0});
  }

  /** What the engine reads: the key and the number of the draw. */
  long[] with(long draw) {
    return new long[] {words[0], words[1], words[2], words[3], draw};
  }

  @Override
  public String toString() {
    return "NoiseKey (hidden)";
  }
}
