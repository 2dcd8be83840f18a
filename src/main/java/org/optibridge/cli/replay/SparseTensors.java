package org.optibridge.cli.replay;

import java.util.ArrayList;
import java.util.List;
import org.optibridge.vector.DType;
import org.optibridge.vector.SparseGradients;
import org.optibridge.vector.SparseRows;
import org.optibridge.vector.Vector;

/** Recorded gradients of which some are rows of larger tensors. */
final class SparseTensors {
  private SparseTensors() {}

  /** Gradients of some names, sparse or dense; to be closed by the caller. */
  static SparseGradients part(Field gradients, List<String> names) {
    List<SparseRows> sparse = new ArrayList<>();
    List<String> dense = new ArrayList<>();
    try {
      for (String name : names) {
        if (gradients.get(name).has("sparse")) {
          sparse.add(rows(name, gradients.get(name)));
        } else {
          dense.add(name);
        }
      }
      SparseRows[] all = sparse.toArray(SparseRows[]::new);
      if (dense.isEmpty()) {
        return SparseGradients.of(all);
      }
      Vector rest = Tensor.part(gradients, dense);
      return SparseGradients.of(rest, all);
    } catch (RuntimeException | Error e) {
      sparse.forEach(SparseRows::close);
      throw e;
    }
  }

  private static SparseRows rows(String name, Field field) {
    Tensor values = Tensor.read(field.get("values"));
    long[] shape = whole(field.get("shape").list());
    long[] rows = whole(field.get("indices").list());
    if (values.dtype() == DType.FLOAT64) {
      return SparseRows.copy(name, rows, values.data(), shape);
    }
    float[] narrow = new float[values.data().length];
    for (int i = 0; i < narrow.length; i++) {
      narrow[i] = (float) values.data()[i];
    }
    return SparseRows.copy(name, rows, narrow, shape);
  }

  static long[] whole(List<Field> fields) {
    long[] numbers = new long[fields.size()];
    for (int i = 0; i < numbers.length; i++) {
      double number = fields.get(i).number();
      if (number != Math.rint(number) || Math.abs(number) > 1L << 53) {
        throw fields.get(i).wrong("must be a whole number, not " + number);
      }
      numbers[i] = (long) number;
    }
    return numbers;
  }
}
