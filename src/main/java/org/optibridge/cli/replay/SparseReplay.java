package org.optibridge.cli.replay;

import java.util.List;
import org.optibridge.optimizer.SparseModule;
import org.optibridge.vector.DType;
import org.optibridge.vector.SparseGradients;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorBuilder;
import org.optibridge.vector.VectorSpec;

/**
 * Level {@code module} with gradients of which some are rows. A module takes such in place only, so
 * it steps weights of zeros at a rate of 1; what it took off them is its output.
 */
final class SparseReplay {
  private SparseReplay() {}

  static boolean isSparse(Field gradients, List<String> names) {
    return names.stream().anyMatch(name -> gradients.get(name).has("sparse"));
  }

  /**
   * Compares a step's output. The original tells rows only where the gradient has rows, so the
   * others are not compared, though they may move as well.
   */
  static void step(
      SparseModule module, Field step, List<String> names, String place, Comparison check) {
    Field expected = step.get("updates");
    Tensor.requireNames(expected, names);
    try (SparseGradients gradients = SparseTensors.part(step.get("gradients"), names)) {
      VectorSpec given = gradients.spec();
      try (Vector weights =
          Vector.allocate(new VectorSpec(names.stream().map(given::get).toList()))) {
        module.stepSparseInPlace(weights, gradients, 1);
        for (String name : names) {
          Field field = expected.get(name);
          boolean rows = field.has("sparse");
          try (Vector part = rows ? rows(weights, name, field) : weights.materialize()) {
            Tensor tensor = Tensor.read(rows ? field.get("values") : field);
            check.tensor(place + ", " + name, part, name, -1, tensor);
          }
        }
      }
    }
  }

  /** The rows of one tensor that a recorded one names. */
  private static Vector rows(Vector weights, String name, Field recorded) {
    long[] rows = SparseTensors.whole(recorded.get("indices").list());
    long[] shape = weights.spec().get(name).shape();
    double[] all = weights.toDoubles(name);
    int width = shape[0] == 0 ? 0 : all.length / (int) shape[0];
    double[] some = new double[rows.length * width];
    for (int i = 0; i < rows.length; i++) {
      if (rows[i] < 0 || rows[i] >= shape[0]) {
        throw recorded.get("indices").wrong("has a row that the tensor lacks: " + rows[i]);
      }
      System.arraycopy(all, (int) rows[i] * width, some, i * width, width);
    }
    shape[0] = rows.length;
    DType dtype = weights.spec().get(name).dtype();
    VectorBuilder builder = Vector.builder();
    return builder.copy(name, dtype, some, shape).build();
  }
}
