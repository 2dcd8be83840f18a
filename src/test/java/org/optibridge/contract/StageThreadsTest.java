package org.optibridge.contract;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.optibridge.contract.Tensors.Layout;
import org.optibridge.memory.CoreLibrary;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.testing.NoLeaks;
import org.optibridge.vector.Vector;

/** The number of threads changes no bit of what a pipeline with any one stage in it computes. */
@ExtendWith(NoLeaks.class)
class StageThreadsTest {
  private static final Map<Layout, List<Vector>> INPUTS = new EnumMap<>(Layout.class);

  @BeforeAll
  static void make() {
    for (Layout layout : Layout.values()) {
      INPUTS.put(layout, List.of(layout.large(1), layout.large(2), layout.large(3)));
    }
  }

  @AfterAll
  static void close() {
    INPUTS.values().forEach(inputs -> inputs.forEach(Vector::close));
    INPUTS.clear();
  }

  @ParameterizedTest
  @MethodSource("org.optibridge.contract.Examples#repeatable")
  void threadsChangeNoBit(Example example) {
    int before = CoreLibrary.ob_threads();
    try {
      for (Layout layout : Layout.values()) {
        CoreLibrary.ob_set_threads(1);
        double[] alone = run(example, INPUTS.get(layout));
        for (int threads : new int[] {2, 3}) {
          CoreLibrary.ob_set_threads(threads);
          double[] together = run(example, INPUTS.get(layout));
          // Bits, hence equal NaNs; a text of all elements would be megabytes.
          assertThat(Arrays.equals(alone, together)).as("%s, %d", layout, threads).isTrue();
        }
      }
    } finally {
      CoreLibrary.ob_set_threads(before);
    }
  }

  private static double[] run(Example example, List<Vector> inputs) {
    try (Optimizer optimizer = StageInPipelineTest.amidOthers(example);
        Vector params = inputs.get(0).materialize()) {
      for (int step = 0; step < 3; step++) {
        optimizer.step(params, inputs.get(1 + step % 2));
      }
      return params.flatten();
    }
  }
}
