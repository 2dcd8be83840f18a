package org.optibridge.cli.replay;

/**
 * How far a value may be off: {@code |actual - expected| <= atol + rtol × |expected|}. NaN agrees
 * with NaN, an infinity with itself.
 *
 * @param rtol share of the expected value
 * @param atol absolute
 */
record Tolerance(double rtol, double atol) {
  /** For rates, which are computed in double precision from few operations. */
  static final Tolerance RATES = new Tolerance(1e-9, 1e-15);

  static Tolerance read(Field field) {
    return new Tolerance(bound(field.get("rtol")), bound(field.get("atol")));
  }

  /** A tolerance that may leave out what is as in this one. */
  Tolerance override(Field field) {
    return new Tolerance(
        field.has("rtol") ? bound(field.get("rtol")) : rtol,
        field.has("atol") ? bound(field.get("atol")) : atol);
  }

  private static double bound(Field field) {
    double bound = field.number();
    if (!(bound >= 0)) {
      throw field.wrong("must be at least 0, not " + bound);
    }
    return bound;
  }

  boolean accepts(double actual, double expected) {
    if (Double.isNaN(expected) || Double.isInfinite(expected)) {
      return Double.compare(actual, expected) == 0;
    }
    return Math.abs(actual - expected) <= atol + rtol * Math.abs(expected);
  }
}
