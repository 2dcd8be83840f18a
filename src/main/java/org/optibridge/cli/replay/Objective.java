package org.optibridge.cli.replay;

import java.nio.ByteBuffer;
import java.util.List;
import org.optibridge.memory.NativeBlock;
import org.optibridge.vector.DType;
import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.Vector;

/** A loss that a case minimizes, described by {@code objective}. */
final class Objective {
  private final double[] diag;

  private Objective(double[] diag) {
    this.diag = diag;
  }

  /**
   * @param field {@code {"kind": "quartic", "diag": [...]}}
   * @param elements of all weights together
   * @throws SkippedCaseException for another kind
   */
  static Objective read(Field field, long elements) {
    String kind = field.get("kind").text();
    if (!kind.equals("quartic")) {
      throw new SkippedCaseException("the objective '" + kind + "' is not known here");
    }
    List<Field> diag = field.get("diag").list();
    if (diag.size() != elements) {
      throw field.get("diag").wrong("must have " + elements + " numbers, one for each weight");
    }
    return new Objective(diag.stream().mapToDouble(Field::number).toArray());
  }

  /** The sum of 0.5 diag x² + 0.25 x⁴ over all weights; fills its gradients. */
  double evaluate(Vector params, Vector gradients) {
    double loss = 0;
    int at = 0;
    boolean narrow = false;
    for (TensorSpec tensor : params.spec().tensors()) {
      double[] weights = params.toDoubles(tensor.name());
      ByteBuffer slopes = NativeBlock.view(gradients.address(tensor.name()), tensor.bytes());
      narrow |= tensor.dtype() == DType.FLOAT32;
      for (double x : weights) {
        double d = diag[at++];
        loss += 0.5 * d * x * x + 0.25 * x * x * x * x;
        double slope = d * x + x * x * x;
        if (tensor.dtype() == DType.FLOAT32) {
          slopes.putFloat((float) slope);
        } else {
          slopes.putDouble(slope);
        }
      }
    }
    return narrow ? (float) loss : loss;
  }
}
