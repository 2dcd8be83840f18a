package org.optibridge.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.optibridge.contract.Subject.Output;
import org.optibridge.contract.Tensors.Layout;
import org.optibridge.optimizer.Stage;
import org.optibridge.testing.NoLeaks;
import org.optibridge.vector.DType;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorBuilder;

/** Calls of every module and regularizer: what they put out, leave alone and refuse. */
@ExtendWith(NoLeaks.class)
class StageCallTest {
  @ParameterizedTest
  @MethodSource("org.optibridge.contract.Examples#all")
  void namesShapesAndDtypesAreKept(Example example) {
    for (Layout layout : Layout.values()) {
      try (Subject subject = new Subject(example);
          Vector like = layout.vector(1)) {
        int outputs = 0;
        for (int step = 0; step < 6; step++) {
          Output output = subject.call(layout, step);
          if (output != null) {
            assertThat(output.spec()).isEqualTo(like.spec());
            outputs++;
          }
        }
        assertThat(outputs).isPositive();
      }
    }
  }

  @ParameterizedTest
  @MethodSource("org.optibridge.contract.Examples#all")
  void gradientsAndWeightsAreNotWrittenTo(Example example) {
    for (Layout layout : Layout.values()) {
      try (Subject subject = new Subject(example);
          Vector gradients = layout.vector(1);
          Vector params = layout.vector(2)) {
        String before = text(gradients) + text(params);
        for (int step = 0; step < 4; step++) {
          subject.call(gradients, params);
          assertThat(text(gradients) + text(params)).isEqualTo(before);
        }
      }
    }
  }

  private static String text(Vector vector) {
    return Arrays.toString(vector.flatten());
  }

  /** Gradients may come as an expression, from the stage before. */
  @ParameterizedTest
  @MethodSource("org.optibridge.contract.Examples#repeatable")
  void expressionIsAsGoodAsMemory(Example example) {
    for (Layout layout : Layout.values()) {
      try (Subject stored = new Subject(example);
          Subject lazy = new Subject(example);
          Vector params = layout.vector(9)) {
        for (int step = 0; step < 4; step++) {
          try (Vector half = layout.vector(step);
              Vector gradients = half.times(2).materialize()) {
            assertThat(lazy.call(half.times(2), params)).isEqualTo(stored.call(gradients, params));
          }
        }
        assertThat(lazy.anonymousState()).isEqualTo(stored.anonymousState());
      }
    }
  }

  private static Vector matrixAnd(String name, DType dtype, long... shape) {
    Random random = new Random(3);
    VectorBuilder builder = Vector.builder();
    Tensors.add(builder, random, "w", DType.FLOAT32, 2, 3);
    Tensors.add(builder, random, name, dtype, shape);
    return builder.build();
  }

  /** What differs from a matrix "w" and a vector "b" of five, and the tensor to be named. */
  private static Map<Vector, String> others() {
    Random random = new Random(4);
    VectorBuilder fewer = Vector.builder();
    Tensors.add(fewer, random, "w", DType.FLOAT32, 2, 3);
    VectorBuilder more = Vector.builder();
    Tensors.add(more, random, "w", DType.FLOAT32, 2, 3);
    Tensors.add(more, random, "b", DType.FLOAT32, 5);
    Tensors.add(more, random, "extra", DType.FLOAT32, 1);
    VectorBuilder reordered = Vector.builder();
    Tensors.add(reordered, random, "b", DType.FLOAT32, 5);
    Tensors.add(reordered, random, "w", DType.FLOAT32, 2, 3);
    Map<Vector, String> others = new LinkedHashMap<>();
    others.put(matrixAnd("b", DType.FLOAT32, 6), "'b'");
    others.put(matrixAnd("b", DType.FLOAT32, 1, 5), "'b'");
    others.put(matrixAnd("b", DType.FLOAT64, 5), "'b'");
    others.put(matrixAnd("other", DType.FLOAT32, 5), "'b'");
    others.put(fewer.build(), "'b'");
    others.put(more.build(), "'extra'");
    others.put(reordered.build(), "[b, w]");
    return others;
  }

  @ParameterizedTest
  @MethodSource("org.optibridge.contract.Examples#repeatable")
  void otherTensorsAreRefusedByNameBeforeAnythingChanges(Example example) {
    Map<Vector, String> others = others();
    try (Subject subject = new Subject(example);
        Subject untroubled = new Subject(example);
        Vector gradients = matrixAnd("b", DType.FLOAT32, 5);
        Vector params = matrixAnd("b", DType.FLOAT32, 5)) {
      subject.call(gradients, params);
      untroubled.call(gradients, params);
      Map<String, Object> before = subject.anonymousState();
      // A stage whose state says nothing of the tensors takes any.
      boolean pinned = before.values().stream().anyMatch(value -> !(value instanceof Double));
      others.forEach(
          (other, named) -> {
            if (pinned) {
              assertThatThrownBy(() -> subject.call(other, other))
                  .isInstanceOf(IllegalArgumentException.class)
                  .hasMessageContaining(named);
              assertThat(subject.anonymousState()).isEqualTo(before);
            } else {
              try (Subject fresh = new Subject(example)) {
                Output output = fresh.call(other, other);
                assertThat(output).isNotNull();
                assertThat(output.spec()).isEqualTo(other.spec());
              }
            }
          });
      for (int i = 0; i < 3; i++) {
        assertThat(subject.call(gradients, params)).isEqualTo(untroubled.call(gradients, params));
      }
      assertThat(subject.anonymousState()).isEqualTo(untroubled.anonymousState());
    } finally {
      others.keySet().forEach(Vector::close);
    }
  }

  @ParameterizedTest
  @MethodSource("org.optibridge.contract.Examples#all")
  void closingTwiceIsFineAndUsedOrNot(Example example) {
    try (Stage unused = example.make()) {
      unused.close();
    }
    try (Subject used = new Subject(example)) {
      used.calls(Layout.BOTH, 0, 3);
      used.stage.close();
      used.stage.close();
    }
  }

  @ParameterizedTest
  @MethodSource("org.optibridge.contract.Examples#all")
  void resettingWhatNeverRanIsFine(Example example) {
    try (Subject subject = new Subject(example)) {
      subject.stage.reset();
      subject.stage.startRound();
      subject.stage.reset();
      subject.calls(Layout.FLOAT64, 0, 3);
      subject.stage.reset();
      subject.stage.reset();
    }
  }
}
