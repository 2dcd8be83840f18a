package org.optibridge.vector;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.withinPercentage;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.optibridge.memory.NativeBlock;

/** Tensors of 16-bit types: every pattern, rounding, conversions, and what is refused. */
class HalfTest {
  private static final int PATTERNS = 1 << 16;

  /** A number by its definition; NaN if it is none. */
  private static double decode(DType dtype, int bits) {
    int fractionBits = dtype == DType.FLOAT16 ? 10 : 7;
    int bias = dtype == DType.FLOAT16 ? 15 : 127;
    int fraction = bits & ((1 << fractionBits) - 1);
    int exponent = (bits & 0x7fff) >> fractionBits;
    double magnitude;
    if (exponent == 0x7fff >> fractionBits) {
      magnitude = fraction == 0 ? Double.POSITIVE_INFINITY : Double.NaN;
    } else if (exponent == 0) {
      magnitude = Math.scalb((double) fraction, 1 - bias - fractionBits);
    } else {
      magnitude =
          Math.scalb((double) fraction + (1 << fractionBits), exponent - bias - fractionBits);
    }
    return (bits & 0x8000) == 0 ? magnitude : -magnitude;
  }

  /** All patterns, in memory that the vector borrows. */
  private static Vector patterns(DType dtype) {
    ByteBuffer buffer = ByteBuffer.allocateDirect(2 * PATTERNS).order(ByteOrder.nativeOrder());
    for (int i = 0; i < PATTERNS; i++) {
      buffer.putShort((short) i);
    }
    return Vector.builder().wrap("h", buffer.flip(), dtype, PATTERNS).build();
  }

  private static void same(double actual, double expected, String at) {
    assertThat(Double.compare(actual, expected)).as(at).isZero(); // NaN is NaN, and 0 not -0
  }

  private static short[] bits(Vector half) {
    short[] bits = new short[(int) half.spec().numel()];
    try (Vector stored = half.materialize()) {
      NativeBlock.view(stored.address("h"), 2L * bits.length).asShortBuffer().get(bits);
    }
    return bits;
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"FLOAT16", "BFLOAT16"})
  void everyPatternIsReadAndConverted(DType dtype) {
    try (Vector half = patterns(dtype);
        Vector single = half.to(DType.FLOAT32).materialize();
        Vector wide = half.to(DType.FLOAT64).materialize()) {
      double[] read = half.toDoubles("h");
      double[] native32 = single.toDoubles("h");
      double[] native64 = wide.toDoubles("h");
      short[] copied = bits(half);
      short[] back = bits(single.to(dtype));
      for (int i = 0; i < PATTERNS; i++) {
        double expected = decode(dtype, i);
        String at = "pattern " + Integer.toHexString(i);
        same(read[i], expected, at);
        same(native32[i], expected, at);
        same(native64[i], expected, at);
        assertThat(copied[i]).as(at).isEqualTo((short) i);
        if (Double.isNaN(expected)) {
          assertThat(decode(dtype, back[i] & 0xffff)).as(at).isNaN();
        } else {
          assertThat(back[i]).as(at).isEqualTo((short) i);
        }
      }
    }
  }

  /** Rounding in Java and in native code agree, at the ties and beside them. */
  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"FLOAT16", "BFLOAT16"})
  void numbersGoToTheNearestAndTiesToEven(DType dtype) {
    int finite = dtype == DType.FLOAT16 ? 0x7bff : 0x7f7f;
    double[] values = new double[6 * finite];
    double[] expected = new double[values.length];
    for (int i = 0; i < finite; i++) {
      double low = decode(dtype, i);
      double high = decode(dtype, i + 1);
      double middle = (low + high) / 2;
      double even = i % 2 == 0 ? low : high;
      // Beside the middle by less than a float32 can tell, too.
      put(values, expected, 6 * i, low, low);
      put(values, expected, 6 * i + 1, middle, even);
      put(values, expected, 6 * i + 2, Math.nextUp(middle), high);
      put(values, expected, 6 * i + 3, Math.nextDown(middle), low);
      put(values, expected, 6 * i + 4, -middle, -even);
      put(values, expected, 6 * i + 5, -Math.nextUp(middle), -high);
    }
    try (Vector copied = Vector.builder().copy("h", dtype, values, values.length).build();
        Vector wide = Vector.builder().copy("h", values, values.length).build();
        Vector single = wide.to(DType.FLOAT32).materialize();
        Vector half = single.to(dtype).materialize()) {
      assertThat(copied.toDoubles("h")).isEqualTo(expected);
      float[] singles = single.toFloats("h");
      double[] halves = half.toDoubles("h");
      for (int i = 0; i < values.length; i++) {
        assertThat(dtype.round(values[i])).isEqualTo(expected[i]);
        assertThat(halves[i]).isEqualTo(dtype.round(singles[i]));
      }
    }
    double largest = decode(dtype, finite);
    double step = largest - decode(dtype, finite - 1);
    assertThat(dtype.round(largest + step / 2)).isInfinite();
    assertThat(dtype.round(Math.nextDown(largest + step / 2))).isEqualTo(largest);
    assertThat(dtype.round(Double.NaN)).isNaN();
    assertThat(dtype.round(-1e300)).isEqualTo(Double.NEGATIVE_INFINITY);
  }

  private static void put(double[] values, double[] expected, int i, double value, double wanted) {
    values[i] = value;
    expected[i] = wanted;
  }

  private static Vector random(DType dtype, int n, long seed) {
    double[] values = new Random(seed).doubles(n, -4, 4).toArray();
    return Vector.builder().copy("w", dtype, values, n).copy("b", dtype, values, n).build();
  }

  /** Two operands of 16 bits, an expression between, a result of 16 bits, in blocks and threads. */
  @Test
  void expressionsRunBetweenTypes() {
    for (int n : new int[] {1, 513, 300_007}) {
      try (Vector a = random(DType.FLOAT16, n, 1);
          Vector b = random(DType.BFLOAT16, n, 2);
          Vector out = Vector.allocate(a.spec().with(DType.BFLOAT16))) {
        Vector sum = a.to(DType.FLOAT32).times(0.3).plus(b.to(DType.FLOAT32));
        out.assign(sum.to(DType.BFLOAT16));
        double[] x = a.toDoubles("b");
        double[] y = b.toDoubles("b");
        double[] got = out.toDoubles("b");
        for (int i = 0; i < n; i++) {
          float wanted = (float) x[i] * 0.3f + (float) y[i];
          if (got[i] != DType.BFLOAT16.round(wanted)) {
            throw new AssertionError(n + ", " + i + ": " + got[i] + " of " + wanted);
          }
        }
      }
    }
  }

  @Test
  void reductionsReadSixteenBits() {
    try (Vector half = random(DType.BFLOAT16, 70_001, 3);
        Vector single = half.to(DType.FLOAT32).materialize()) {
      Vector lazy = half.to(DType.FLOAT32);
      assertThat(lazy.norm().value()).isCloseTo(single.norm().value(), withinPercentage(1e-10));
      assertThat(lazy.total().value()).isCloseTo(single.total().value(), withinPercentage(1e-8));
      assertThat(lazy.sumOfSquares().toDoubles("b")[0])
          .isCloseTo(single.sumOfSquares().toDoubles("b")[0], withinPercentage(1e-5));
      assertThat(half.allFinite()).isTrue();
      for (double bad : new double[] {Double.NaN, Double.NEGATIVE_INFINITY}) {
        double[] values = half.toDoubles("b");
        values[69_999] = bad;
        try (Vector other =
            Vector.builder()
                .copy("w", new float[] {1}, 1)
                .copy("b", DType.FLOAT16, values, values.length)
                .build()) {
          assertThat(other.allFinite()).isFalse();
        }
      }
    }
  }

  /** What is assigned while recording is as memory will hold it. */
  @Test
  void recordedAssignmentsAreRounded() {
    try (Vector half = Vector.builder().copy("h", DType.BFLOAT16, new double[] {0, 0}, 2).build();
        Vector other = Vector.builder().copy("h", DType.FLOAT16, new double[] {0, 0}, 2).build();
        Vector single = Vector.builder().copy("h", new float[] {1 + 0x1p-8f, 0.1f}, 2).build();
        Vector read = Vector.allocate(single.spec());
        Vector both = Vector.allocate(single.spec());
        Recording recording = Recording.begin()) {
      half.assign(single.to(DType.BFLOAT16));
      read.assign(half.to(DType.FLOAT32));
      other.assign(half.to(DType.FLOAT16));
      single.assign(single.to(DType.FLOAT16).to(DType.FLOAT32));
      both.assign(half.to(DType.FLOAT32).plus(other.to(DType.FLOAT32)));
      recording.commit();
      double tenth = DType.BFLOAT16.round(0.1f);
      assertThat(half.toDoubles("h")).containsExactly(1, tenth);
      assertThat(read.toDoubles("h")).containsExactly(1, tenth);
      assertThat(other.toDoubles("h")).containsExactly(1, tenth);
      assertThat(both.toDoubles("h")).containsExactly(2, 2 * tenth);
      assertThat(single.toDoubles("h")).containsExactly(1 + 0x1p-8, DType.FLOAT16.round(0.1f));
    }
  }

  @Test
  void aVectorCanBeConvertedOntoItself() {
    try (Vector half = Vector.builder().copy("h", DType.FLOAT16, new double[] {3, -5}, 2).build();
        Vector swapped =
            Vector.builder().copy("h", DType.FLOAT16, new double[] {7, 9}, 2).build()) {
      half.assign(half.to(DType.FLOAT32).times(2).to(DType.FLOAT16));
      assertThat(half.toDoubles("h")).containsExactly(6, -10);
      try (Recording recording = Recording.begin()) {
        Vector before = half.to(DType.FLOAT32);
        half.assign(swapped);
        swapped.assign(before.to(DType.FLOAT16));
        recording.commit();
      }
      assertThat(half.toDoubles("h")).containsExactly(7, 9);
      assertThat(swapped.toDoubles("h")).containsExactly(6, -10);
    }
  }

  @Test
  void fillingRoundsOnce() {
    double justAbove = 1 + 0x1p-8 + 0x1p-40; // float32 takes it for a tie, which would go to 1
    try (Vector half = Vector.filled(spec(DType.BFLOAT16), justAbove)) {
      assertThat(half.toDoubles("h")).containsOnly(1 + 0x1p-7);
      try (Recording recording = Recording.begin()) {
        half.fill(0.1);
        assertThat(half.to(DType.FLOAT32).toDoubles("h")).containsOnly(DType.BFLOAT16.round(0.1));
        recording.commit();
      }
      assertThat(half.toDoubles("h")).containsOnly(DType.BFLOAT16.round(0.1));
    }
  }

  private static VectorSpec spec(DType dtype) {
    return new VectorSpec(List.of(new TensorSpec("h", dtype, Device.CPU, 2)));
  }

  @Test
  void typesMayDifferFromTensorToTensor() {
    try (Vector mixed =
            Vector.builder()
                .copy("a", DType.BFLOAT16, new double[] {1.5}, 1)
                .copy("b", DType.FLOAT32, new double[] {0.1}, 1)
                .copy("c", DType.FLOAT64, new double[] {0.1}, 1)
                .build();
        Vector twice = mixed.to(mixed.spec().computed()).times(2).materialize()) {
      assertThat(twice.spec().tensors())
          .extracting(TensorSpec::dtype)
          .containsExactly(DType.FLOAT32, DType.FLOAT32, DType.FLOAT64);
      assertThat(twice.flatten()).containsExactly(3, 2 * 0.1f, 0.2);
      mixed.assign(twice.to(mixed.spec()));
      assertThat(mixed.flatten()).containsExactly(3, 2 * 0.1f, 0.2);
      assertThatThrownBy(() -> mixed.to(mixed.spec().computed()).norm().value())
          .isInstanceOf(UnsupportedOperationException.class)
          .hasMessageContaining("materialize()");
      try (Vector wide = mixed.to(DType.FLOAT64).materialize()) {
        assertThat(wide.flatten()).containsExactly(3, 2 * 0.1f, 0.2);
        assertThat(mixed.to(DType.FLOAT64).norm().value()).isEqualTo(wide.norm().value());
      }
    }
  }

  @Test
  void float32AndFloat64AreConvertedFromMemory() {
    try (Vector wide = Vector.builder().copy("w", new double[] {0.1, 1e300}, 2).build();
        Vector single = Vector.builder().copy("w", new float[] {0.1f, 2}, 2).build()) {
      assertThat(wide.to(DType.FLOAT32).times(3).toDoubles("w"))
          .containsExactly(0.1f * 3f, Double.POSITIVE_INFINITY);
      assertThat(single.to(DType.FLOAT64).times(3).plus(wide).toDoubles("w"))
          .containsExactly((double) 0.1f * 3 + 0.1, 6 + 1e300);
      assertThatThrownBy(() -> single.times(2).to(DType.FLOAT64))
          .isInstanceOf(UnsupportedOperationException.class)
          .hasMessageContaining("materialize()");
      assertThatThrownBy(() -> wide.to(DType.BFLOAT16))
          .isInstanceOf(UnsupportedOperationException.class)
          .hasMessageContaining("'w' float64[2]")
          .hasMessageContaining("to(DType.FLOAT32)");
      // Rounded twice, as it says.
      double tie = 1 + 0x1p-8 + 0x1p-40;
      wide.fill(tie);
      assertThat(wide.to(DType.FLOAT32).to(DType.BFLOAT16).toDoubles("w")).containsOnly(1);
    }
  }

  @Test
  void arithmeticIsRefusedWithTheRemedy() {
    try (Vector half = Vector.filled(spec(DType.FLOAT16), 1);
        Vector single = Vector.filled(spec(DType.FLOAT32), 1);
        Vector wide = Vector.filled(spec(DType.FLOAT64), 1)) {
      List<Runnable> refused =
          List.of(
              () -> half.plus(half),
              () -> half.times(2),
              () -> half.negate(),
              () -> half.sum(),
              () -> half.norm(),
              () -> half.total(),
              () -> half.dividedBy(single.norm()),
              () -> single.to(DType.FLOAT16).plus(1));
      for (Runnable one : refused) {
        assertThatThrownBy(one::run)
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("'h' float16[2]")
            .hasMessageContaining("to(DType.FLOAT32)");
      }
      for (Runnable one :
          List.<Runnable>of(
              () -> single.plus(half), () -> single.plus(wide), () -> half.assign(single))) {
        assertThatThrownBy(one::run)
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("'h'")
            .hasMessageContaining("Vector.to(DType)");
      }
      assertThatThrownBy(() -> single.sum().to(DType.FLOAT16))
          .isInstanceOf(UnsupportedOperationException.class)
          .hasMessageContaining("materialize()");
      VectorSpec other = new VectorSpec(List.of(new TensorSpec("x", DType.FLOAT16, Device.CPU, 2)));
      assertThatThrownBy(() -> single.to(other))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("lack 'h'");
      assertThat(half.to(DType.FLOAT16)).isSameAs(half);
    }
  }

  @Test
  void wrappedMemoryIsWrittenInPlace() {
    ByteBuffer buffer = ByteBuffer.allocateDirect(6).order(ByteOrder.nativeOrder());
    try (Vector half = Vector.builder().wrap("h", buffer, DType.BFLOAT16, 3).build()) {
      half.assign(half.to(DType.FLOAT32).plus(1).to(DType.BFLOAT16));
      assertThat(buffer.getShort(2)).isEqualTo((short) 0x3f80);
      assertThat(half.toFloats("h")).containsExactly(1, 1, 1);
    }
    assertThatThrownBy(
            () ->
                Vector.builder()
                    .wrapAddress("h", DType.FLOAT16, Device.CPU, 0x1001, null, 1)
                    .build())
        .hasMessageContaining("aligned to the 2 bytes of a float16");
  }
}
