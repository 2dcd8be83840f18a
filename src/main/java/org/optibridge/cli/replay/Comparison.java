package org.optibridge.cli.replay;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.Vector;

/**
 * Compares what a case gives with what was recorded: keeps the largest gaps and the first fault.
 */
final class Comparison {
  // Relative gaps of values that are tiny within their tensor say nothing.
  private static final double TINY = 1e-3;

  private final Tolerance tolerance;
  private double maxAbs = Double.NaN;
  private double maxRel = Double.NaN;
  private @Nullable String where;
  private @Nullable String message;

  Comparison(Tolerance tolerance) {
    this.tolerance = tolerance;
  }

  Tolerance tolerance() {
    return tolerance;
  }

  /** Returns the largest absolute gap; NaN if nothing was compared. */
  double maxAbs() {
    return maxAbs;
  }

  /** Returns the largest relative gap of values above 1e-3 of their tensor's largest. */
  double maxRel() {
    return maxRel;
  }

  /** Returns where the first fault was; null if there is none. */
  @Nullable String where() {
    return where;
  }

  /** Returns what the first fault was, else what was noted; null if there is neither. */
  @Nullable String message() {
    return message;
  }

  /** Notes something that is to be told and no fault. */
  void note(String text) {
    if (where == null) {
      message = text;
    }
  }

  /** Notes something that is wrong, unless something was before. */
  void fault(String place, String problem) {
    if (where == null) {
      where = place;
      message = problem;
    }
  }

  /** Compares a vector with an object that has just its tensors. */
  void vector(String place, Vector actual, Field expected) {
    vector(place, actual, expected, tolerance);
  }

  void vector(String place, Vector actual, Field expected, Tolerance within) {
    Tensor.requireNames(expected, actual.spec().names());
    part(place, actual, expected, within);
  }

  /** Compares a vector with those tensors of an object that have its names. */
  void part(String place, Vector actual, Field expected) {
    part(place, actual, expected, tolerance);
  }

  private void part(String place, Vector actual, Field expected, Tolerance within) {
    try (Vector stored = actual.materialize()) {
      for (String name : stored.spec().names()) {
        tensor(place + ", " + name, stored, name, 1, Tensor.read(expected.get(name)), within);
      }
    }
  }

  /**
   * Compares one tensor, multiplied by a sign.
   *
   * @param place what it is
   * @param actual a stored vector
   * @param name the tensor's name
   * @param sign 1 or -1
   * @param expected what was recorded
   */
  void tensor(String place, Vector actual, String name, int sign, Tensor expected) {
    tensor(place, actual, name, sign, expected, tolerance);
  }

  private void tensor(
      String place, Vector actual, String name, int sign, Tensor expected, Tolerance within) {
    TensorSpec spec = actual.spec().get(name);
    if (spec.dtype() != expected.dtype() || !Arrays.equals(spec.shape(), expected.shape())) {
      fault(
          place,
          "expected "
              + expected.dtype()
              + Arrays.toString(expected.shape())
              + ", got "
              + spec.dtype()
              + Arrays.toString(spec.shape()));
      return;
    }
    double[] values = actual.toDoubles(name);
    double largest = 0;
    for (double value : expected.data()) {
      largest = Double.isFinite(value) ? Math.max(largest, Math.abs(value)) : largest;
    }
    for (int i = 0; i < values.length; i++) {
      double value = sign * values[i];
      double wanted = expected.data()[i];
      measure(value, wanted, TINY * largest);
      if (!within.accepts(value, wanted)) {
        fault(place + index(i, spec.shape()), text(value, wanted, within));
      }
    }
  }

  private void measure(double actual, double expected, double floor) {
    double gap = Double.compare(actual, expected) == 0 ? 0 : Math.abs(actual - expected);
    // A NaN on one side only is as wrong as can be.
    gap = Double.isNaN(gap) ? Double.POSITIVE_INFINITY : gap;
    maxAbs = Double.isNaN(maxAbs) ? gap : Math.max(maxAbs, gap);
    if (gap == 0 || Math.abs(expected) > floor || !Double.isFinite(expected)) {
      double share = gap == 0 || Double.isInfinite(gap) ? gap : gap / Math.abs(expected);
      maxRel = Double.isNaN(maxRel) ? share : Math.max(maxRel, share);
    }
  }

  private static String index(int flat, long[] shape) {
    long[] index = new long[shape.length];
    long rest = flat;
    for (int i = shape.length - 1; i >= 0; i--) {
      index[i] = rest % shape[i];
      rest /= shape[i];
    }
    return Arrays.toString(index);
  }

  private static String text(double actual, double expected, Tolerance within) {
    return "expected "
        + expected
        + ", got "
        + actual
        + "; off by "
        + Math.abs(actual - expected)
        + ", allowed "
        + (within.atol() + within.rtol() * Math.abs(expected));
  }

  void number(String place, double actual, double expected) {
    number(place, actual, expected, tolerance);
  }

  void number(String place, double actual, double expected, Tolerance within) {
    measure(actual, expected, 0);
    if (!within.accepts(actual, expected)) {
      fault(place, text(actual, expected, within));
    }
  }

  void numbers(String place, double[] actual, List<Field> expected) {
    if (actual.length != expected.size()) {
      fault(place, "expected " + expected.size() + " values, got " + actual.length);
      return;
    }
    for (int i = 0; i < actual.length; i++) {
      number(place + "[" + i + "]", actual[i], expected.get(i).number());
    }
  }

  void same(String place, Object actual, Object expected) {
    if (!actual.equals(expected)) {
      fault(place, "expected " + expected + ", got " + actual);
    }
  }

  /** The sign by which a slot of a state differs from the recorded one, as a whole. */
  static int sign(Vector actual, Map<String, Tensor> expected) {
    double product = 0;
    for (Map.Entry<String, Tensor> entry : expected.entrySet()) {
      double[] values = actual.toDoubles(entry.getKey());
      double[] wanted = entry.getValue().data();
      for (int i = 0; i < Math.min(values.length, wanted.length); i++) {
        double term = Math.signum(values[i]) * Math.signum(wanted[i]);
        product += Double.isNaN(term) ? 0 : term;
      }
    }
    return product < 0 ? -1 : 1;
  }
}
