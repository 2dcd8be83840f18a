package org.optibridge.cli.replay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.optibridge.memory.NativeMemory;
import org.optibridge.vector.Vector;

/** Expressions over a = 2 and b = 5, beside a tensor without elements. */
class VectorExpressionTest {
  private static Vector operand(double value) {
    return Vector.builder()
        .copy("s", new double[] {value})
        .copy("none", new float[0], 2, 0)
        .build();
  }

  private static double evaluate(String text) {
    try (Vector a = operand(2);
        Vector b = operand(5);
        Vector value = new VectorExpression(text, Map.of("a", a, "b", b)).vector()) {
      assertThat(value.toDoubles("none")).isEmpty();
      return value.toDoubles("s")[0];
    }
  }

  @ParameterizedTest
  @CsvSource({
    "-a ** 2 + 1, -3",
    "2 * (a - b) / 4, -1.5",
    "1e0 - b.abs(), -4",
    "4 / a, 2",
    "0.5 - a, -1.5",
    "b.maximum(a).sqrt(), 2.23606797749979",
    "a * 2 ** -1, 1",
    "(a + a).minimum(3), 3",
    "(a ** 2) ** 0.5, 2",
    "--a.sign(), 1",
    "b - a - 1, 2",
    "(b / a).square().reciprocal(), 0.16"
  })
  void followsPython(String expression, double expected) {
    assertThat(evaluate(expression)).isEqualTo(expected);
  }

  @Test
  void sumsCanBeUsedFurther() {
    try (Vector a = Vector.builder().copy("w", new float[] {1, 2, 3}, 3).build();
        Vector value = new VectorExpression("a.sum() * a", Map.of("a", a)).vector()) {
      assertThat(value.toFloats("w")).containsExactly(6f, 12f, 18f);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          a +      | it ends too early
          a $ b    | unexpected '$ b'
          a b      | unexpected 'b'
          c + a    | 'c' is none of its vectors
          a.cube() | there is no 'cube()'
          a.pow(2) | there is no 'pow(x)'
          1 + 2    | a number, not a vector
          2 .abs() | numbers have no methods
          a ** b   | an exponent must be a number
          (a       | expected ')'
          """)
  void explainsWhatIsWrong(String expression, String problem) {
    long handles = NativeMemory.liveHandles();
    assertThatThrownBy(() -> evaluate(expression))
        .isInstanceOf(BadCaseException.class)
        .hasMessageContaining("can't evaluate \"" + expression + "\": ")
        .hasMessageContaining(problem);
    assertThat(NativeMemory.liveHandles()).isEqualTo(handles);
  }
}
