package org.optibridge.modules;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.testing.Vectors;
import org.optibridge.vector.Vector;

class ClippingTest {
  private static Vector run(OptiModule module, Vector gradients) {
    try (module) {
      Vector out = module.run(gradients, null);
      assertThat(out).isNotNull();
      assertThat(out.spec()).isEqualTo(gradients.spec());
      return out.materialize();
    }
  }

  @Test
  void eachTensorHasItsOwnNorm() {
    try (Vector g = Vectors.wb(3, 4, 0.3f, -0.4f);
        Vector out = run(new L2Clipping(1), g)) {
      assertThat(out.toFloats("w")).containsExactly(new float[] {0.6f, 0.8f}, within(1e-7f));
      assertThat(out.toFloats("b")).containsExactly(0.3f, -0.4f);
    }
  }

  @Test
  void zerosStayZeros() {
    try (Vector g = Vectors.wb(0, 0, 30, 40);
        Vector each = run(new L2Clipping(1), g);
        Vector zeros = Vectors.wb(0, 0, 0, 0);
        Vector all = run(new L2GlobalClipping(1), zeros)) {
      assertThat(each.flatten()).containsExactly(new double[] {0, 0, 0.6, 0.8}, within(1e-7));
      assertThat(all.flatten()).containsOnly(0);
    }
  }

  @Test
  void squaresOfLargeAndSmallFloatsAreInRange() {
    try (Vector g = Vectors.wb(3e38f, 0, 3e-38f, 0);
        Vector out = run(new L2Clipping(1000), g)) {
      assertThat(out.toFloats("w")[0]).isCloseTo(1000f, within(1e-3f));
      assertThat(out.toFloats("b")[0]).isEqualTo(3e-38f);
    }
  }

  @Test
  void factorOfDoublesIsNotRounded() {
    try (Vector g = Vector.builder().copy("w", new double[] {3, 4}, 2).build();
        Vector out = run(new L2Clipping(0.1), g)) {
      assertThat(out.toDoubles("w")).containsExactly(new double[] {0.06, 0.08}, within(1e-16));
    }
  }

  @Test
  void tensorsWithoutDimensionKeepTheirShape() {
    try (Vector g = Vector.builder().copy("s", new float[] {-8}).build();
        Vector out = run(new L2Clipping(2), g)) {
      assertThat(out.spec().get("s").shape()).isEmpty();
      assertThat(out.toFloats("s")).containsExactly(-2f);
    }
  }

  @Test
  void elementsAreBoundedAndNanIsNotHidden() {
    float inf = Float.POSITIVE_INFINITY;
    try (Vector g = Vectors.wb(0.25f, -0.75f, 0.5f, Float.NaN, inf, -inf);
        Vector out = run(new ClipByValue(0.5), g)) {
      assertThat(out.toFloats("w")).containsExactly(0.25f, -0.5f, 0.5f);
      assertThat(out.toFloats("b")).containsExactly(Float.NaN, 0.5f, -0.5f);
    }
  }
}
