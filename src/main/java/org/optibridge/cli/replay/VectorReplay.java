package org.optibridge.cli.replay;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.Vector;

/** Level {@code vector}: expressions over the vectors of a case. */
final class VectorReplay {
  private static final String FLATTEN = "flatten(";

  private VectorReplay() {}

  static void run(Field one, Comparison check) {
    List<String> names = Tensor.names(one);
    Map<String, Vector> operands = new LinkedHashMap<>();
    try {
      for (Map.Entry<String, Field> entry : one.entries().entrySet()) {
        if (isVector(entry.getValue(), names)) {
          operands.put(entry.getKey(), Tensor.vector(entry.getValue(), names));
        }
      }
      for (Map.Entry<String, Field> result : one.get("results").entries().entrySet()) {
        try (Vector value = new VectorExpression(result.getKey(), operands).vector()) {
          check.vector(
              result.getKey(), value, result.getValue(), tolerance(one, check, result.getKey()));
        }
      }
      for (Map.Entry<String, Field> entry : one.entries().entrySet()) {
        if (entry.getKey().startsWith(FLATTEN)) {
          flatten(entry.getKey(), operands, entry.getValue(), check);
        }
      }
    } finally {
      operands.values().forEach(Vector::close);
    }
  }

  private static boolean isVector(Field field, List<String> names) {
    return field.isObject() && field.has(names.get(0)) && field.get(names.get(0)).has("data");
  }

  private static Tolerance tolerance(Field one, Comparison check, String expression) {
    Field tolerance = one.get("tolerance");
    return tolerance.has(expression)
        ? check.tolerance().override(tolerance.get(expression))
        : check.tolerance();
  }

  private static void flatten(
      String key, Map<String, Vector> operands, Field expected, Comparison check) {
    String name = key.substring(FLATTEN.length(), key.length() - 1);
    Vector vector = operands.get(name);
    if (vector == null) {
      throw expected.wrong("is about '" + name + "', which is none of " + operands.keySet());
    }
    check.numbers(key + ", values", vector.flatten(), expected.get("values").list());
    check.same(key + ", names", vector.spec().names(), expected.get("names").texts());
    for (TensorSpec tensor : vector.spec().tensors()) {
      String place = key + ", " + tensor.name();
      List<Long> shape = new ArrayList<>();
      for (Field extent : expected.get("shapes").get(tensor.name()).list()) {
        shape.add((long) extent.number());
      }
      check.same(place, Arrays.stream(tensor.shape()).boxed().toList(), shape);
      check.same(place, tensor.dtype().label(), expected.get("dtypes").get(tensor.name()).text());
    }
  }
}
