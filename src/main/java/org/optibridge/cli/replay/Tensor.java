package org.optibridge.cli.replay;

import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.optibridge.vector.DType;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorBuilder;

/**
 * A recorded tensor.
 *
 * @param shape its extents
 * @param dtype its element type
 * @param data its elements in row-major order, rounded to the element type
 */
@SuppressWarnings("ArrayRecordComponent") // compared and copied nowhere
record Tensor(long[] shape, DType dtype, double[] data) {
  static Tensor read(Field field) {
    if (field.has("sparse")) {
      throw field.wrong("is a sparse tensor; only dense ones can be replayed");
    }
    List<Field> extents = field.get("shape").list();
    long[] shape = new long[extents.size()];
    long count = 1;
    for (int i = 0; i < shape.length; i++) {
      double extent = extents.get(i).number();
      if (extent != Math.rint(extent) || extent < 0 || extent > Integer.MAX_VALUE) {
        throw extents.get(i).wrong("must be an extent of a tensor, not " + extent);
      }
      shape[i] = (long) extent;
      count *= shape[i];
    }
    DType dtype = dtype(field.get("dtype"));
    List<Field> values = field.get("data").list();
    if (values.size() != count) {
      throw field.wrong(
          "has "
              + values.size()
              + " values, but its shape "
              + Arrays.toString(shape)
              + " has "
              + count);
    }
    double[] data = new double[values.size()];
    for (int i = 0; i < data.length; i++) {
      double value = values.get(i).number();
      data[i] = dtype.round(value);
    }
    return new Tensor(shape, dtype, data);
  }

  private static DType dtype(Field field) {
    try {
      return DType.of(field.text());
    } catch (IllegalArgumentException e) {
      throw new BadCaseException("'" + field + "': " + e.getMessage(), e);
    }
  }

  void addTo(VectorBuilder builder, String name) {
    builder.copy(name, dtype, data, shape);
  }

  /** The order of names of a case. */
  static List<String> names(Field one) {
    List<String> names = one.get("names").texts();
    if (names.isEmpty() || Set.copyOf(names).size() != names.size()) {
      throw one.get("names").wrong("must hold names, each once");
    }
    return names;
  }

  /** Checks that an object of tensors has just these names. */
  static void requireNames(Field tensors, List<String> names) {
    Set<String> found = tensors.entries().keySet();
    if (!found.equals(new LinkedHashSet<>(names))) {
      throw tensors.wrong("has the names " + found + ", it must have " + names);
    }
  }

  /** A vector of an object of tensors, in the given order; to be closed by the caller. */
  static Vector vector(Field tensors, List<String> names) {
    requireNames(tensors, names);
    return part(tensors, names);
  }

  /** A vector of some of an object's tensors, in the given order; to be closed by the caller. */
  static Vector part(Field tensors, List<String> names) {
    Map<String, Field> entries = tensors.entries();
    VectorBuilder builder = Vector.builder();
    for (String name : names) {
      Field entry = entries.get(name);
      if (entry == null) {
        throw tensors.wrong("lacks the tensor '" + name + "'");
      }
      read(entry).addTo(builder, name);
    }
    return builder.build();
  }
}
