package org.optibridge.vector;

/**
 * One draw of independent noise for all elements of a vector, made inside the sweep that adds it:
 * no memory holds it. See {@link Vector#plus(Noise)}.
 *
 * <p>The noise of an element is a function of the key, the number of the draw, the kind, the
 * tensor's position in the vector and the element's in the tensor, and of nothing else: not of
 * threads, blocks or the processor. The same key and draw therefore give the same noise again, also
 * on another vector; whoever adds noise for privacy uses each draw once.
 *
 * <p>It comes from ChaCha20 (RFC 8439), 64 bits for each element, and is computed in float64 and
 * rounded to the tensor's dtype before it is scaled. Every draw is finite: of scale 1, Gaussian
 * noise is at most {@value #LARGEST_GAUSSIAN}, Laplace noise at most {@value #LARGEST_LAPLACE}.
 *
 * <p>Source of the Gaussian's formula: Box and Muller, <i>A Note on the Generation of Random Normal
 * Deviates</i>, 1958. Immutable.
 */
public final class Noise {
  /** The smallest scale but 0: those below vanish in float32. */
  public static final double MIN_SCALE = 1e-36;

  /** The largest scale: with those above, noise could overflow float32. */
  public static final double MAX_SCALE = 1e36;

  /** No standard normal draw is larger than this, the square root of 130 ln 2 rounded up. */
  public static final double LARGEST_GAUSSIAN = 9.4926;

  /** No draw of Laplace noise of scale 1 is larger than this, 64 ln 2 rounded up. */
  public static final double LARGEST_LAPLACE = 44.3615;

  final Op op;
  final long[] words;
  final double scale;

  private Noise(Op op, NoiseKey key, long draw, double scale) {
    if (!isScale(scale)) {
      throw new IllegalArgumentException(
          "The scale of noise must be 0 or from "
              + MIN_SCALE
              + " to "
              + MAX_SCALE
              + ", not "
              + scale);
    }
    this.op = op;
    this.words = key.with(draw);
    this.scale = scale;
  }

  /**
   * Normal noise of mean 0.
   *
   * @param key the secret
   * @param draw the number of the draw; all 64 bits count
   * @param std the standard deviation; 0, or from {@link #MIN_SCALE} to {@link #MAX_SCALE}
   * @return the noise
   * @throws IllegalArgumentException if the standard deviation is out of range
   */
  public static Noise gaussian(NoiseKey key, long draw, double std) {
    return new Noise(Op.NOISE_GAUSSIAN, key, draw, std);
  }

  /**
   * Laplace noise of mean 0, of density {@code exp(-|x| / b) / 2b}; its standard deviation is
   * {@code b × sqrt(2)}.
   *
   * @param key the secret
   * @param draw the number of the draw; all 64 bits count
   * @param scale b; 0, or from {@link #MIN_SCALE} to {@link #MAX_SCALE}
   * @return the noise
   * @throws IllegalArgumentException if the scale is out of range
   */
  public static Noise laplace(NoiseKey key, long draw, double scale) {
    return new Noise(Op.NOISE_LAPLACE, key, draw, scale);
  }

  /**
   * @param scale of noise
   * @return whether it is 0, or from {@link #MIN_SCALE} to {@link #MAX_SCALE}
   */
  public static boolean isScale(double scale) {
    return scale == 0 || (scale >= MIN_SCALE && scale <= MAX_SCALE);
  }

  @Override
  public String toString() {
    return op + " of scale " + scale;
  }
}
