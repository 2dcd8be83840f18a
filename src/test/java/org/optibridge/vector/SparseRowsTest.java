package org.optibridge.vector;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.optibridge.memory.ClosedException;
import org.optibridge.memory.NativeMemory;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.testing.NoLeaks;

@ExtendWith(NoLeaks.class)
class SparseRowsTest {
  private static ByteBuffer direct(int bytes) {
    return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
  }

  @Test
  void repeatedRowsAddUpInTheDenseCopy() {
    try (SparseRows rows =
            SparseRows.copy("e", new long[] {2, 0, 2}, new float[] {1, 2, 3, 4, 5, 6}, 3, 2);
        Vector dense = rows.toDense()) {
      assertThat(dense.toFloats("e")).containsExactly(3, 4, 0, 0, 6, 8);
      assertThat(rows.rows()).containsExactly(2, 0, 2);
      assertThat(rows.count()).isEqualTo(3);
    }
  }

  @Test
  void buffersAreUsedInPlaceFromTheirPosition() {
    LongBuffer rows = direct(24).asLongBuffer().put(9).put(1).put(0).position(1);
    FloatBuffer values = direct(20).asFloatBuffer().put(new float[] {9, 1, 2, 3, 4}).position(1);
    long copied = NativeMemory.copiedBytes();
    try (SparseRows one = SparseRows.wrap("e", rows, values, 2, 2)) {
      assertThat(NativeMemory.copiedBytes()).isEqualTo(copied);
      values.put(1, 7);
      try (Vector dense = one.toDense()) {
        assertThat(dense.toFloats("e")).containsExactly(3, 4, 7, 2);
      }
      // A row that left the tensor since is found before anything is read.
      rows.put(2, 5);
      assertThatThrownBy(one::toDense)
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("row 5 at position 1");
    }
  }

  @Test
  void refusesWhatDoesNotFit() {
    assertThatThrownBy(() -> SparseRows.copy("e", new long[] {0, 3}, new float[4], 3, 2))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("'e'")
        .hasMessageContaining("row 3 at position 1")
        .hasMessageContaining("0 to 2");
    assertThatThrownBy(() -> SparseRows.copy("e", new long[] {-1}, new double[2], 3, 2))
        .hasMessageContaining("row -1");
    assertThatThrownBy(() -> SparseRows.copy("e", new long[] {0}, new float[3], 3, 2))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("'e'");
    assertThatThrownBy(() -> SparseRows.copy("e", new long[] {0}, new float[1]))
        .hasMessageContaining("scalar");
    assertThatThrownBy(
            () -> SparseRows.wrap("e", LongBuffer.allocate(1), direct(8).asFloatBuffer(), 3, 2))
        .hasMessageContaining("direct");
    assertThatThrownBy(() -> SparseRows.wrapAddress("e", DType.FLOAT32, 0, 64, 1, null, 3, 2))
        .hasMessageContaining("null");
  }

  @Test
  void plainDescentTouchesTheRowsOnly() {
    try (Vector params =
            Vector.builder()
                .copy("w", new double[] {1, 2}, 2)
                .copy("e", new double[] {1, 2, 3, 4}, 2, 2)
                .build();
        SparseGradients gradients =
            SparseGradients.of(
                Vector.builder().copy("w", new double[] {10, 20}, 2).build(),
                SparseRows.copy("e", new long[] {1, 1}, new double[] {1, 1, 2, 2}, 2, 2));
        Optimizer optimizer = Optimizer.builder().learningRate(0.5).build()) {
      assertThat(optimizer.step(params, gradients)).isTrue();
      assertThat(params.flatten()).containsExactly(-4, -8, 1, 2, 1.5, 2.5);
      try (Vector dense = gradients.toDense(params.spec())) {
        assertThat(dense.flatten()).containsExactly(10, 20, 0, 0, 3, 3);
      }
    }
  }

  @Test
  void namesMustBeThoseOfTheParameters() {
    try (Vector params = Vector.builder().copy("e", new float[4], 2, 2).build();
        Vector more =
            Vector.builder().copy("e", new float[4], 2, 2).copy("w", new float[1], 1).build();
        SparseGradients gradients =
            SparseGradients.of(SparseRows.copy("e", new long[] {1}, new float[2], 2, 2));
        SparseGradients other =
            SparseGradients.of(SparseRows.copy("e", new long[] {1}, new float[2], 3, 2));
        Optimizer optimizer = Optimizer.builder().learningRate(0.5).build()) {
      assertThatThrownBy(() -> optimizer.step(more, gradients))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("'w' has no gradient");
      assertThatThrownBy(() -> optimizer.step(params, other))
          .hasMessageContaining("'e' float32[3, 2]");
      SparseRows twice = SparseRows.copy("e", new long[] {1}, new float[2], 2, 2);
      assertThatThrownBy(() -> SparseGradients.of(twice, twice)).hasMessageContaining("'e'");
      twice.close();
      twice.close();
      assertThatThrownBy(twice::toDense).isInstanceOf(ClosedException.class);
    }
  }
}
