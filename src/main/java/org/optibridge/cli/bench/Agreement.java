package org.optibridge.cli.bench;

import java.nio.FloatBuffer;
import java.util.List;
import java.util.Locale;
import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.Vector;

/** Makes sure that what is compared computes the same. */
final class Agreement {
  /**
   * Of the largest weight. Not of its change: libtorch sums norms in float32, and those of tens of
   * millions of elements are off by a thousandth.
   */
  static final double TOLERANCE = 1e-5;

  // Gradients of these norms, one step each. Adam hardly notices a factor that all gradients have,
  // so they differ, and a clipping at 1 acts on some of them only.
  private static final double[] NORMS = {4, 0.5, 2};

  private Agreement() {}

  /**
   * Has every contestant do its first steps and compares the weights.
   *
   * @throws IllegalStateException if they differ by more than {@link #TOLERANCE}
   */
  static void check(String item, List<Contestant> contestants) {
    Contestant first = null;
    for (Contestant contestant : contestants) {
      if (!contestant.computes()) {
        contestant.steps(NORMS.length);
        continue;
      }
      rehearse(contestant);
      if (first == null) {
        first = contestant;
      } else {
        compare(item, first, contestant);
      }
    }
  }

  private static void rehearse(Contestant contestant) {
    Vector gradients = contestant.gradients();
    double full = gradients.norm().value();
    double now = full;
    for (double norm : NORMS) {
      gradients.assign(gradients.times(norm / now));
      now = norm;
      contestant.steps(1);
    }
    gradients.assign(gradients.times(full / now));
  }

  private static void compare(String item, Contestant first, Contestant other) {
    double largest = 0;
    double gap = 0;
    for (TensorSpec tensor : first.params().spec().tensors()) {
      FloatBuffer expected = first.params().floatBuffer(tensor.name());
      FloatBuffer actual = other.params().floatBuffer(tensor.name());
      int count = expected.capacity();
      for (int i = 0; i < count; i++) {
        // NaN stays in either: the largest of anything and NaN is NaN.
        largest = Math.max(largest, Math.abs(expected.get(i)));
        gap = Math.max(gap, Math.abs(expected.get(i) - actual.get(i)));
      }
    }
    if (!(gap <= TOLERANCE * largest)) {
      throw new IllegalStateException(
          String.format(
              Locale.ROOT,
              "%s: after %d steps the weights of %s and %s differ by up to %.3g, the largest"
                  + " weight is %.3g; they do not compute the same, nothing was timed",
              item,
              NORMS.length,
              first.name(),
              other.name(),
              gap,
              largest));
    }
  }
}
