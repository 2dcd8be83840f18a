package org.optibridge.vector;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.BinaryOperator;
import java.util.function.DoubleBinaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.optibridge.memory.CoreLibrary;
import org.optibridge.testing.Golden;

/** Arithmetic and reductions, against plain loops and against declearn. */
class VectorTest {
  private record Operation(
      String name, BinaryOperator<Vector> vectors, DoubleBinaryOperator plain) {}

  // Constants are exact in float32.
  private static final List<Operation> OPERATIONS =
      List.of(
          new Operation("a + b", Vector::plus, Double::sum),
          new Operation("a - b", Vector::minus, (a, b) -> a - b),
          new Operation("a * b", Vector::times, (a, b) -> a * b),
          new Operation("a / b", Vector::dividedBy, (a, b) -> a / b),
          new Operation("min(a, b)", Vector::minimum, Math::min),
          new Operation("max(a, b)", Vector::maximum, Math::max),
          new Operation("a + 0.5", (a, b) -> a.plus(0.5), (a, b) -> a + 0.5),
          new Operation("a - 0.5", (a, b) -> a.minus(0.5), (a, b) -> a - 0.5),
          new Operation("a * 3", (a, b) -> a.times(3), (a, b) -> a * 3),
          new Operation("a / 3", (a, b) -> a.dividedBy(3), (a, b) -> a / 3),
          new Operation("min(a, 0.5)", (a, b) -> a.minimum(0.5), (a, b) -> Math.min(a, 0.5)),
          new Operation("max(a, 0.5)", (a, b) -> a.maximum(0.5), (a, b) -> Math.max(a, 0.5)),
          new Operation("a ** 3", (a, b) -> a.power(3), (a, b) -> Math.pow(a, 3)),
          new Operation("-a", (a, b) -> a.negate(), (a, b) -> -a),
          new Operation("|a|", (a, b) -> a.abs(), (a, b) -> Math.abs(a)),
          new Operation("sqrt|b|", (a, b) -> b.abs().sqrt(), (a, b) -> Math.sqrt(Math.abs(b))),
          new Operation("a²", (a, b) -> a.square(), (a, b) -> a * a),
          new Operation("sign a", (a, b) -> a.sign(), (a, b) -> Math.signum(a)),
          new Operation("1 / b", (a, b) -> b.reciprocal(), (a, b) -> 1 / b));

  /** Tensors of n elements, of none, and a scalar. */
  private static Vector random(DType dtype, int n, long seed) {
    Random random = new Random(seed);
    VectorBuilder builder = Vector.builder();
    for (Map.Entry<String, Integer> entry : List.of(Map.entry("w", n), Map.entry("e", 0))) {
      add(builder, entry.getKey(), dtype, random, entry.getValue(), entry.getValue());
    }
    add(builder, "s", dtype, random, 1);
    return builder.build();
  }

  private static void add(
      VectorBuilder builder, String name, DType dtype, Random random, int n, long... shape) {
    double[] values = new double[n];
    float[] narrow = new float[n];
    for (int i = 0; i < n; i++) {
      narrow[i] = (float) random.nextGaussian() + (i % 2 == 0 ? 0.25f : -0.25f);
      values[i] = dtype == DType.FLOAT32 ? narrow[i] : narrow[i] / 3.0;
    }
    if (dtype == DType.FLOAT32) {
      builder.copy(name, narrow, shape);
    } else {
      builder.copy(name, values, shape);
    }
  }

  private static List<Integer> sizes() {
    return List.of(1, 3, 63, 1025, 200_001);
  }

  @ParameterizedTest
  @MethodSource("sizes")
  void float32AgreesWithPlainLoops(int n) {
    agrees(DType.FLOAT32, n, 1.3e-7);
  }

  @ParameterizedTest
  @MethodSource("sizes")
  void float64AgreesWithPlainLoops(int n) {
    agrees(DType.FLOAT64, n, 1e-15);
  }

  private static void agrees(DType dtype, int n, double rtol) {
    try (Vector a = random(dtype, n, 1);
        Vector b = random(dtype, n, 2)) {
      double[] x = a.flatten();
      double[] y = b.flatten();
      assertThat(x).hasSize(n + 1);
      for (Operation operation : OPERATIONS) {
        double[] got = operation.vectors().apply(a, b).flatten();
        for (int i = 0; i < got.length; i++) {
          double exact = operation.plain().applyAsDouble(x[i], y[i]);
          double wanted = dtype == DType.FLOAT32 ? (float) exact : exact;
          if (Math.abs(got[i] - wanted) > rtol * Math.abs(wanted)) {
            throw new AssertionError(
                operation.name() + " at " + i + ": " + got[i] + ", not " + wanted);
          }
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"FLOAT32", "FLOAT64"})
  void reductionsAgreeWithPlainLoops(DType dtype) {
    double rtol = dtype == DType.FLOAT32 ? 1e-6 : 1e-12;
    try (Vector g = random(dtype, 200_001, 3)) {
      double all = 0;
      double squares = 0;
      for (String name : g.spec().names()) {
        double sum = 0;
        double square = 0;
        for (double value : g.toDoubles(name)) {
          sum += value;
          square += value * value;
        }
        all += sum;
        squares += square;
        assertThat(g.sum().toDoubles(name)[0]).isEqualTo(sum, within(rtol * Math.abs(sum)));
        assertThat(g.sumOfSquares().toDoubles(name)[0]).isEqualTo(square, within(rtol * square));
        double[] scaled = g.dividedBy(g.sumOfSquares().sqrt()).toDoubles(name);
        double norm = 0;
        for (double value : scaled) {
          norm += value * value;
        }
        assertThat(norm).isEqualTo(scaled.length == 0 ? 0.0 : 1.0, within(1e-5));
      }
      assertThat(g.total().value()).isEqualTo(all, within(1e-9 * Math.abs(all)));
      assertThat(g.norm().value()).isEqualTo(Math.sqrt(squares), within(1e-9));
      assertThat(g.sum().spec().get("w").shape()).isEmpty();
    }
  }

  @Test
  void scalarsCompute() {
    try (Vector g = Vector.builder().copy("w", new double[] {3, 4}, 2).build()) {
      Scalar norm = g.norm();
      assertThat(norm.value()).isEqualTo(5.0);
      assertThat(norm.plus(1).times(2).dividedBy(3).value()).isEqualTo(4.0);
      assertThat(norm.reciprocal().value()).isEqualTo(0.2);
      assertThat(norm.plus(4).sqrt().value()).isEqualTo(3.0);
      assertThat(norm.minimum(2).value()).isEqualTo(2.0);
      assertThat(norm.maximum(7).value()).isEqualTo(7.0);
      assertThat(norm.times(Double.NaN).minimum(2).value()).isNaN();
      assertThat(g.times(norm).flatten()).containsExactly(15.0, 20.0);
      assertThat(g.dividedBy(norm).flatten()).containsExactly(0.6, 0.8);
      assertThat(g.total().value()).isEqualTo(7.0);
    }
  }

  @Test
  void notANumberStays() {
    try (Vector g = Vector.builder().copy("w", new float[] {Float.NaN, -2}, 2).build()) {
      assertThat(g.minimum(1).flatten()).containsExactly(Double.NaN, -2.0);
      assertThat(g.maximum(1).flatten()).containsExactly(Double.NaN, 1.0);
      assertThat(g.sign().flatten()).containsExactly(Double.NaN, -1.0);
    }
  }

  @Test
  void sumsCannotBeSummedAgain() {
    try (Vector g = Vector.builder().copy("w", new float[] {1}, 1).build()) {
      assertThatThrownBy(() -> g.sum().sum()).isInstanceOf(IllegalStateException.class);
      assertThat(g.sum().toFloats("w")).containsExactly(1f);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {200_001, 1_000_003})
  void resultsDoNotDependOnThreads(int n) {
    int before = CoreLibrary.ob_threads();
    try (Vector g = random(DType.FLOAT32, n, 4)) {
      CoreLibrary.ob_set_threads(1);
      double[] one = results(g);
      CoreLibrary.ob_set_threads(2);
      assertThat(CoreLibrary.ob_threads()).isEqualTo(2);
      assertThat(results(g)).isEqualTo(one);
      CoreLibrary.ob_set_threads(7);
      assertThat(results(g)).isEqualTo(one);
    } finally {
      CoreLibrary.ob_set_threads(before);
    }
  }

  private static double[] results(Vector g) {
    double[] all = g.dividedBy(g.norm()).plus(g.square().sqrt()).flatten();
    all[0] = g.total().value();
    all[1] = g.norm().value();
    all[2] = g.sum().toDoubles("w")[0];
    return all;
  }

  static List<Golden.Case> golden() {
    return Golden.cases("vectors.json");
  }

  @ParameterizedTest
  @MethodSource("golden")
  void agreesWithDeclearn(Golden.Case one) {
    double rtol = one.get("tolerance").get("rtol").asDouble();
    double rtolOfSum = one.get("tolerance").get("a.sum()").get("rtol").asDouble();
    try (Vector a = Golden.vector(one.get("a"), one.names());
        Vector b = Golden.vector(one.get("b"), one.names())) {
      Map<String, Vector> results =
          Map.ofEntries(
              Map.entry("a + b", a.plus(b)),
              Map.entry("a - b", a.minus(b)),
              Map.entry("a * b", a.times(b)),
              Map.entry("a / b", a.dividedBy(b)),
              Map.entry("a + 0.5", a.plus(0.5)),
              Map.entry("0.5 - a", a.minus(0.5).negate()),
              Map.entry("0.1 * a", a.times(0.1)),
              Map.entry("0.5 / b", b.dividedBy(0.5).reciprocal()),
              Map.entry("a / 3", a.dividedBy(3)),
              Map.entry("a ** 2", a.power(2)),
              Map.entry("(a ** 2) ** 0.5", a.power(2).power(0.5)),
              Map.entry("a.sign()", a.sign()),
              Map.entry("a.minimum(b)", a.minimum(b)),
              Map.entry("a.maximum(b)", a.maximum(b)),
              Map.entry("a.minimum(0.25)", a.minimum(0.25)),
              Map.entry("a.maximum(0.25)", a.maximum(0.25)),
              Map.entry("a.sum()", a.sum()));
      assertThat(one.get("results").size()).isEqualTo(results.size());
      results.forEach(
          (name, got) ->
              Golden.check(
                  name,
                  got,
                  one.get("results").get(name),
                  name.equals("a.sum()") ? rtolOfSum : rtol,
                  0));
    }
  }
}
