package org.optibridge.vector;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.junit.jupiter.api.Test;
import org.optibridge.memory.NativeMemory;

/** Wrapped, copied and allocated memory, and the lazy contract. */
class VectorMemoryTest {
  private static ByteBuffer direct(int bytes) {
    return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
  }

  private static void refused(Runnable wrap, String text) {
    assertThatThrownBy(wrap::run)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(text);
  }

  @Test
  void wrappedBuffersAreReadAndWritten() {
    FloatBuffer floats = direct(16).asFloatBuffer().put(new float[] {1, 2, 3, 4}).flip();
    DoubleBuffer doubles = direct(16).asDoubleBuffer().put(new double[] {5, 6}).flip();
    long copied = NativeMemory.copiedBytes();
    try (Vector vector = Vector.builder().wrap("f", floats, 2, 2).wrap("d", doubles, 2).build()) {
      vector.assign(vector.times(2));
      assertThat(NativeMemory.copiedBytes()).isEqualTo(copied);
      assertThat(floats.get(3)).isEqualTo(8f);
      assertThat(doubles.get(1)).isEqualTo(12.0);
      floats.put(0, 100f);
      assertThat(vector.toFloats("f")).containsExactly(100, 4, 6, 8);
      assertThat(vector.flatten()).containsExactly(100, 4, 6, 8, 10, 12);
    }
  }

  @Test
  void buffersBeginAtTheirPosition() {
    ByteBuffer bytes = direct(64);
    for (int i = 0; i < 16; i++) {
      bytes.putFloat(4 * i, i);
    }
    FloatBuffer tail = bytes.asFloatBuffer().position(13);
    FloatBuffer slice = bytes.asFloatBuffer().position(4).slice().position(2).limit(4);
    ByteBuffer middle = bytes.duplicate().order(ByteOrder.nativeOrder()).position(8).limit(16);
    ByteBuffer cut = bytes.slice(20, 40).order(ByteOrder.nativeOrder()).position(4).limit(8);
    FloatBuffer none = bytes.asFloatBuffer().position(16);
    try (Vector vector =
        Vector.builder()
            .wrap("tail", tail, 3)
            .wrap("slice", slice, 2)
            .wrap("middle", middle, DType.FLOAT32, 2)
            .wrap("cut", cut, DType.FLOAT32)
            .wrap("none", none, 0)
            .build()) {
      assertThat(vector.toFloats("tail")).containsExactly(13, 14, 15);
      assertThat(vector.toFloats("slice")).containsExactly(6, 7);
      assertThat(vector.toFloats("middle")).containsExactly(2, 3);
      assertThat(vector.toFloats("cut")).containsExactly(6);
      assertThat(vector.toFloats("none")).isEmpty();
    }
    assertThat(tail.position()).isEqualTo(13);
  }

  @Test
  void unfitBuffersAreRefused() {
    VectorBuilder builder = Vector.builder();
    refused(() -> builder.wrap("w", FloatBuffer.allocate(2), 2), "heap buffer");
    refused(() -> builder.wrap("w", DoubleBuffer.allocate(2), 2), "heap buffer");
    refused(() -> builder.wrap("w", ByteBuffer.allocate(8), DType.FLOAT32, 2), "allocateDirect");
    refused(() -> builder.wrap("w", direct(8).asFloatBuffer().asReadOnlyBuffer(), 2), "read-only");
    ByteOrder other =
        ByteOrder.nativeOrder() == ByteOrder.BIG_ENDIAN
            ? ByteOrder.LITTLE_ENDIAN
            : ByteOrder.BIG_ENDIAN;
    refused(() -> builder.wrap("w", direct(8).order(other).asFloatBuffer(), 2), "native order");
    refused(() -> builder.wrap("w", direct(8).order(other), DType.FLOAT64, 1), "native order");
    refused(() -> builder.wrap("w", direct(12).position(2).limit(10), DType.FLOAT32, 2), "aligned");
    refused(() -> builder.wrap("w", direct(16).position(4).limit(12), DType.FLOAT64, 1), "aligned");
    refused(() -> builder.wrap("w", direct(10), DType.FLOAT32, 2), "multiple");
    refused(() -> builder.wrap("w", direct(8).asFloatBuffer(), 3), "3 elements, the buffer has 2");
    refused(() -> builder.wrap("w", direct(16).asFloatBuffer(), 3), "has 4");
    refused(() -> builder.copy("w", new float[2], 3), "the array has 2");
    refused(() -> builder.copy("w", new double[4], 3), "the array has 4");
    refused(builder::build, "at least one");
  }

  @Test
  void pointersAndAddressesAreWrapped() {
    try (FloatPointer floats = new FloatPointer(1f, 2f, 3f, 4f);
        DoublePointer doubles = new DoublePointer(5.0, 6.0);
        Vector vector =
            Vector.builder()
                .wrap("p", floats.position(1), DType.FLOAT32, 3)
                .wrapAddress("a", DType.FLOAT64, Device.CPU, doubles.address() + 8, doubles)
                .build()) {
      assertThat(vector.flatten()).containsExactly(2, 3, 4, 6);
      assertThat(vector.address("a")).isEqualTo(doubles.address() + 8);
      vector.assign(vector.negate());
      assertThat(floats.get(0)).isEqualTo(-2f);
      assertThat(doubles.get(1)).isEqualTo(-6.0);
      VectorBuilder builder = Vector.builder();
      long odd = doubles.address() + 4;
      refused(() -> builder.wrapAddress("a", DType.FLOAT64, Device.CPU, odd, null, 1), "aligned");
      refused(() -> builder.wrapAddress("a", DType.FLOAT64, Device.CPU, 0, null, 1), "null");
      refused(() -> builder.wrap("a", new FloatPointer(), DType.FLOAT32, 1), "null");
    }
  }

  @Test
  void copiesAndAllocationsAreIndependent() {
    float[] values = {1, 2};
    try (Vector vector =
        Vector.builder().copy("c", values, 2).allocate("z", DType.FLOAT64, 3).build()) {
      values[0] = 9;
      assertThat(vector.flatten()).containsExactly(1, 2, 0, 0, 0);
      vector.floatBuffer("c").put(1, 7f);
      assertThat(vector.toFloats("c")).containsExactly(1, 7);
      vector.fill(0.5);
      assertThat(vector.flatten()).containsExactly(0.5, 0.5, 0.5, 0.5, 0.5);
      assertThat(vector.address("c") % 64).isZero();
      refused(() -> vector.toFloats("z"), "not float32");
      refused(() -> vector.toDoubles("y"), "No tensor is named 'y'");
    }
  }

  @Test
  void expressionsHaveNoMemory() {
    try (Vector a = Vector.builder().copy("w", new float[] {1, 2}, 2).build()) {
      Vector expression = a.plus(1);
      assertThat(expression.isStored()).isFalse();
      assertThat(expression.toString()).contains("expression").contains("w");
      assertThatThrownBy(() -> expression.address("w"))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("materialize()");
      assertThatThrownBy(() -> expression.fill(1)).isInstanceOf(IllegalStateException.class);
      expression.close();
      try (Vector stored = expression.materialize()) {
        a.fill(0);
        assertThat(stored.isStored()).isTrue();
        assertThat(stored.flatten()).containsExactly(2, 3);
      }
    }
  }

  @Test
  void assignMayReadItsTarget() {
    try (Vector a = Vector.builder().copy("w", new double[] {3, 4}, 2).build()) {
      a.assign(a.plus(a).minus(a.times(a.square())));
      assertThat(a.flatten()).containsExactly(6 - 27, 8 - 64);
      a.fill(2);
      a.assign(a.dividedBy(a.sumOfSquares().sqrt()));
      assertThat(a.norm().value()).isEqualTo(1.0, org.assertj.core.api.Assertions.within(1e-15));
    }
  }

  @Test
  void staleExpressionsAreReported() {
    try (Vector a = Vector.builder().copy("w", new double[] {1, 2}, 2).build();
        Vector b = Vector.allocate(a.spec())) {
      Vector stale = a.plus(1);
      Scalar norm = a.norm();
      a.fill(0);
      for (Runnable use :
          new Runnable[] {stale::materialize, norm::value, () -> b.assign(stale.times(2))}) {
        assertThatThrownBy(use::run)
            .isInstanceOf(IllegalStateException.class)
            .hasMessageContaining("[w]")
            .hasMessageContaining("materialize()");
      }
      assertThat(b.flatten()).containsExactly(0, 0);
      assertThat(a.plus(1).flatten()).containsExactly(1, 1);
    }
  }

  @Test
  void mismatchesAreNamed() {
    try (Vector a =
            Vector.builder().allocate("w", DType.FLOAT32, 2).allocate("b", DType.FLOAT32).build();
        Vector lacks = Vector.builder().allocate("w", DType.FLOAT32, 2).build();
        Vector shape =
            Vector.builder()
                .allocate("w", DType.FLOAT32, 2, 1)
                .allocate("b", DType.FLOAT32)
                .build();
        Vector dtype =
            Vector.builder().allocate("w", DType.FLOAT64, 2).allocate("b", DType.FLOAT32).build();
        Vector order =
            Vector.builder().allocate("b", DType.FLOAT32).allocate("w", DType.FLOAT32, 2).build()) {
      refused(() -> a.plus(lacks), "the right operand lack 'b'");
      refused(() -> lacks.plus(a), "'b' is not in the left operand [w]");
      refused(
          () -> a.times(shape),
          "have 'w' float32[2, 1] where the left operand have 'w' float32[2]");
      refused(() -> a.assign(dtype), "'w' float64[2]");
      refused(() -> a.minus(order), "order of names is [b, w], it must be [w, b]");
      VectorBuilder twice =
          Vector.builder().allocate("w", DType.FLOAT32).allocate("w", DType.FLOAT32);
      refused(twice::build, "named 'w'");
      refused(() -> new TensorSpec("w", DType.FLOAT32, Device.CPU, -1), "negative extent");
      refused(() -> new TensorSpec("", DType.FLOAT32, Device.CPU), "not empty");
      refused(
          () -> new TensorSpec("w", DType.FLOAT32, Device.CPU, 1L << 40, 1L << 40), "too large");
      refused(() -> DType.of("int8"), "float32");
      refused(() -> Device.of("tpu"), "cuda:N");
    }
  }

  @Test
  void aViewIsAsLongAsItsTensor() {
    try (Vector vector = Vector.builder().allocate("w", DType.FLOAT32, 2, 5).build()) {
      assertThat(vector.floatBuffer("w").capacity()).isEqualTo(10);
    }
  }
}
