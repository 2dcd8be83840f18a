package org.optibridge.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.optibridge.memory.ClosedException;
import org.optibridge.memory.ConcurrentUseException;
import org.optibridge.memory.NativeBlock;
import org.optibridge.memory.NativeMemory;
import org.optibridge.optimizer.State;
import org.optibridge.state.StateFormat;
import org.optibridge.testing.NoLeaks;
import org.optibridge.testing.RequiresTorch;
import org.optibridge.vector.DType;
import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.Vector;

@RequiresTorch
@ExtendWith(NoLeaks.class)
class TorchLbfgsTest {
  private static final double[] X = {1.5, -0.5, 0.75, 2};
  private static final double[] R = {-1.2, 1, 0.3, -0.7, 1.9, 0.1};
  private static final double[] DIAG = {1, 2, 5, 10};

  private static Vector both() {
    return Vector.builder().copy("x", X, 4).copy("r", R, 2, 3).build();
  }

  /** The golden quartic on "x" plus Rosenbrock's function on "r", whichever are there. */
  private static double loss(Vector params, Vector gradients) {
    double loss = 0;
    for (String name : params.spec().names()) {
      double[] w = params.toDoubles(name);
      double[] g = new double[w.length];
      for (int i = 0; name.equals("x") && i < w.length; i++) {
        loss += 0.5 * DIAG[i] * w[i] * w[i] + 0.25 * Math.pow(w[i], 4);
        g[i] = DIAG[i] * w[i] + Math.pow(w[i], 3);
      }
      for (int i = 0; name.equals("r") && i + 1 < w.length; i++) {
        double t = w[i + 1] - w[i] * w[i];
        double q = 1 - w[i];
        loss += 100 * t * t + q * q;
        g[i] += -400 * w[i] * t - 2 * q;
        g[i + 1] += 200 * t;
      }
      put(gradients, name, g);
    }
    return loss;
  }

  private static void put(Vector vector, String name, double[] values) {
    TensorSpec tensor = vector.spec().get(name);
    ByteBuffer memory = NativeBlock.view(vector.address(name), tensor.bytes());
    for (double value : values) {
      if (tensor.dtype() == DType.FLOAT32) {
        memory.putFloat((float) value);
      } else {
        memory.putDouble(value);
      }
    }
  }

  /** Recorded from Python's class of torch 2.10: the last step's loss, all evaluations, weights. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          r  | 1    | 4  | -1 | 1e-7 | 1e-9 | 3   | strong_wolfe | 4 | 5.641684625770397  | 21 | -0.38049087369803664,0.14112696564900468,0.02826173426387055,0.029581345265077007,0.012010883075261714,0.009403452819346543
          xr | 1    | 20 | 7  | 1e-7 | 1e-9 | 5   | strong_wolfe | 3 | 7.339632653221479  | 21 | 0.5422987806819306,-0.1834925199924463,-0.03527921633762316,0.043118073471993486,0.2533484000121762,0.04964025126785161,0.00988375753401115,0.02972033354915311,0.006612081831611129,0.001955061932364656
          xr | 1    | 20 | -1 | 1e-7 | 1e-9 | 100 | strong_wolfe | 1 | 1598.7616015625001 | 21 | 0.03600691673941123,0.03288417083094036,-0.2927547138430251,-0.04421263290126005,0.2986487179229885,0.0888536894067757,0.019705918493837325,0.007948890261064606,0.010759621504339496,-0.00025821170252971707
          xr | 0.1  | 20 | -1 | 1e-7 | 1e-9 | 100 |              | 2 | 163.82558477997725 | 40 | 1.2236568154119172,-0.4285835240563975,0.509726301381024,0.7867583156814151,-0.39197789941477984,0.16908199954246755,0.03777836942691383,0.04297521079759259,0.12305783147103626,0.014075004393594274
          r  | 0.05 | 5  | -1 | 1e-3 | 1e-4 | 3   |              | 3 | 797.350985602911   | 15 | -1.0687201333113083,0.869672019446576,0.27372352376681947,-0.7660605100080528,1.5170706184359557,0.3900493727170862
          """)
  void stepsAsPython(
      String tensors,
      double lr,
      int maxIter,
      int maxEval,
      double toleranceGrad,
      double toleranceChange,
      int history,
      String search,
      int steps,
      double lastLoss,
      int evaluations,
      String weights) {
    Map<String, Object> kwargs = new HashMap<>();
    kwargs.put("lr", lr);
    kwargs.put("max_iter", maxIter);
    if (maxEval > 0) {
      kwargs.put("max_eval", maxEval);
    }
    kwargs.put("tolerance_grad", toleranceGrad);
    kwargs.put("tolerance_change", toleranceChange);
    kwargs.put("history_size", history);
    kwargs.put("line_search_fn", search);
    int[] count = {0};
    try (TorchLbfgs optimizer = TorchLbfgs.of(kwargs);
        Vector params =
            tensors.equals("r") ? Vector.builder().copy("r", R, 2, 3).build() : both()) {
      double loss = 0;
      for (int i = 0; i < steps; i++) {
        loss =
            optimizer.step(
                params,
                (w, g) -> {
                  count[0]++;
                  return loss(w, g);
                });
      }
      assertThat(count[0]).isEqualTo(evaluations);
      assertThat(loss).isCloseTo(lastLoss, within(1e-9 * lastLoss));
      double[] expected = Stream.of(weights.split(",")).mapToDouble(Double::parseDouble).toArray();
      assertThat(params.flatten()).containsExactly(expected, within(1e-8));
    }
  }

  static List<Map<String, Object>> kinds() {
    Map<String, Object> search = Map.of("line_search_fn", "strong_wolfe", "max_iter", 3);
    return List.of(
        search,
        Map.of("lr", 0.01, "max_iter", 3),
        Map.of("lr", 0.01, "max_iter", 4, "history_size", 2));
  }

  private static Vector narrow() {
    return Vector.builder().copy("r", new float[] {-1.2f, 1, 0.3f, -0.7f, 1.9f, 0.1f}, 6).build();
  }

  /** A state goes on in a fresh optimizer as if nothing had happened, also by way of bytes. */
  @ParameterizedTest
  @MethodSource("kinds")
  void resumesBitForBit(Map<String, Object> kwargs, @TempDir Path folder) throws IOException {
    for (boolean wide : new boolean[] {true, false}) {
      try (TorchLbfgs whole = TorchLbfgs.of(kwargs);
          TorchLbfgs first = TorchLbfgs.of(kwargs);
          TorchLbfgs second = TorchLbfgs.of(kwargs);
          Vector expected = wide ? both() : narrow();
          Vector params = wide ? both() : narrow()) {
        for (int i = 0; i < 5; i++) {
          whole.step(expected, TorchLbfgsTest::loss);
        }
        for (int i = 0; i < 2; i++) {
          first.step(params, TorchLbfgsTest::loss);
        }
        Path file = folder.resolve(wide + ".safetensors");
        try (State state = first.getState()) {
          assertThat(state.keys())
              .containsExactlyInAnyOrder(
                  "func_evals",
                  "n_iter",
                  "t",
                  "H_diag",
                  "prev_loss",
                  "specs",
                  "d",
                  "prev_flat_grad",
                  "old_dirs",
                  "old_stps",
                  "ro");
          assertThat(state.number("n_iter")).isGreaterThan(2);
          StateFormat.write(state, file);
        }
        assertThat(Files.size(file)).isPositive();
        try (State state = StateFormat.read(file)) {
          second.setState(state);
        }
        for (int i = 0; i < 3; i++) {
          second.step(params, TorchLbfgsTest::loss);
        }
        assertThat(params.flatten()).containsExactly(expected.flatten());
        try (State a = whole.getState();
            State b = second.getState()) {
          for (String key : List.of("func_evals", "n_iter", "t", "H_diag", "prev_loss")) {
            assertThat(b.number(key)).as(key).isEqualTo(a.number(key));
          }
          for (String key : List.of("d", "prev_flat_grad", "old_dirs", "old_stps", "ro")) {
            assertThat(b.vector(key).flatten()).as(key).containsExactly(a.vector(key).flatten());
          }
        }
      }
    }
  }

  private static final class Unusual extends Exception {
    private static final long serialVersionUID = 1L;
  }

  /** Whenever the closure fails, the step never was. */
  @ParameterizedTest
  @MethodSource("kinds")
  void failingClosureUndoesTheStep(Map<String, Object> kwargs) {
    Unusual failure = new Unusual();
    for (int at = 0; at < 4; at++) {
      int[] left = {at};
      try (TorchLbfgs optimizer = TorchLbfgs.of(kwargs);
          TorchLbfgs unharmed = TorchLbfgs.of(kwargs);
          Vector params = both();
          Vector expected = both()) {
        for (int steps = 0; steps < 3; steps++) {
          double[] before = params.flatten();
          left[0] = at;
          boolean[] failed = {false};
          try {
            optimizer.step(
                params,
                (w, g) -> {
                  if (left[0]-- == 0) {
                    failed[0] = true;
                    throw failure;
                  }
                  return loss(w, g);
                });
          } catch (Unusual e) {
            assertThat(e).isSameAs(failure);
            assertThat(e.getSuppressed()).isEmpty();
          }
          if (failed[0]) {
            assertThat(params.flatten()).containsExactly(before);
            optimizer.step(params, TorchLbfgsTest::loss);
          }
          unharmed.step(expected, TorchLbfgsTest::loss);
          assertThat(params.flatten()).containsExactly(expected.flatten());
        }
      }
    }
  }

  @Test
  void errorsPassAsTheyAre() {
    StackOverflowError error = new StackOverflowError();
    try (TorchLbfgs optimizer = TorchLbfgs.of();
        Vector params = both()) {
      assertThatThrownBy(
              () ->
                  optimizer.step(
                      params,
                      (w, g) -> {
                        throw error;
                      }))
          .isSameAs(error);
    }
  }

  @Test
  void refusesItselfWithinTheClosure() {
    try (TorchLbfgs optimizer = TorchLbfgs.of();
        TorchLbfgs other = TorchLbfgs.of();
        Vector params = both();
        Vector inner = both()) {
      double[] before = params.flatten();
      List<Runnable> refused =
          List.of(
              optimizer::close,
              optimizer::reset,
              () -> optimizer.getState(),
              () -> optimizer.setLearningRate(1),
              () -> optimizer.step(inner, TorchLbfgsTest::loss));
      for (Runnable action : refused) {
        assertThatThrownBy(
                () ->
                    optimizer.step(
                        params,
                        (w, g) -> {
                          action.run();
                          return loss(w, g);
                        }))
            .isInstanceOf(IllegalStateException.class)
            .hasMessageContaining("closure");
        assertThat(params.flatten()).containsExactly(before);
      }
      // Another optimizer may be stepped there.
      optimizer.step(
          params,
          (w, g) -> {
            other.step(inner, TorchLbfgsTest::loss);
            return loss(w, g);
          });
      assertThat(params.flatten()).isNotEqualTo(before);
    }
  }

  @Test
  void anotherThreadIsRefusedDuringAStep() throws InterruptedException {
    try (TorchLbfgs optimizer = TorchLbfgs.of();
        Vector params = both();
        Vector others = both()) {
      CountDownLatch inside = new CountDownLatch(1);
      CountDownLatch go = new CountDownLatch(1);
      Thread stepper =
          new Thread(
              () ->
                  optimizer.step(
                      params,
                      (w, g) -> {
                        inside.countDown();
                        try {
                          go.await();
                        } catch (InterruptedException e) {
                          Thread.currentThread().interrupt();
                        }
                        return loss(w, g);
                      }));
      stepper.start();
      inside.await();
      assertThatThrownBy(() -> optimizer.step(others, TorchLbfgsTest::loss))
          .isInstanceOf(ConcurrentUseException.class);
      go.countDown();
      stepper.join();
      assertThat(params.flatten()[0]).isCloseTo(0, within(0.1));
    }
  }

  @Test
  void closedWeightsAreNotTouched() {
    try (TorchLbfgs optimizer = TorchLbfgs.of(Map.of("lr", 0.01));
        Vector params = both()) {
      int[] calls = {0};
      assertThatThrownBy(
              () ->
                  optimizer.step(
                      params,
                      (w, g) -> {
                        double loss = loss(w, g);
                        if (++calls[0] == 2) {
                          w.close();
                        }
                        return loss;
                      }))
          .isInstanceOf(ClosedException.class)
          .satisfies(e -> assertThat(e.getSuppressed()).hasSize(1));
      try (Vector fresh = both()) {
        assertThatCode(() -> optimizer.step(fresh, TorchLbfgsTest::loss))
            .doesNotThrowAnyException();
      }
    }
  }

  @Test
  void callersGradientsAreUsedInPlace() {
    try (TorchLbfgs optimizer = TorchLbfgs.of(Map.of("line_search_fn", "strong_wolfe"));
        Vector params = both();
        Vector gradients = Vector.allocate(params.spec())) {
      long copied = NativeMemory.copiedBytes();
      optimizer.step(
          params,
          gradients,
          (w, g) -> {
            assertThat(w).isSameAs(params);
            assertThat(g).isSameAs(gradients);
            g.assign(w.times(2)); // an assignment of this library, of |w|²
            double norm = w.norm().value();
            return norm * norm;
          });
      assertThat(NativeMemory.copiedBytes()).isEqualTo(copied);
      assertThat(params.norm().value()).isLessThan(1e-6);
    }
  }

  @Test
  void refusesWhatDoesNotFit() {
    try (TorchLbfgs optimizer = TorchLbfgs.of();
        Vector params = both();
        Vector other = narrow();
        Vector mixed = Vector.builder().copy("x", X, 4).copy("f", new float[] {1}, 1).build()) {
      assertThatThrownBy(() -> optimizer.step(params, params, TorchLbfgsTest::loss))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("same vector");
      assertThatThrownBy(() -> optimizer.step(params, other, TorchLbfgsTest::loss))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("'x'");
      assertThatThrownBy(() -> optimizer.step(params.times(2), TorchLbfgsTest::loss))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("expression");
      assertThatThrownBy(() -> optimizer.step(mixed, TorchLbfgsTest::loss))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("float32 and float64");
      optimizer.step(params, TorchLbfgsTest::loss);
      assertThatThrownBy(() -> optimizer.step(other, TorchLbfgsTest::loss))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("stored state");
      optimizer.reset();
      optimizer.step(other, TorchLbfgsTest::loss);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"d", "prev_flat_grad", "old_stps", "n_iter", "specs"})
  void refusesABrokenState(String key) {
    try (TorchLbfgs optimizer = TorchLbfgs.of(Map.of("lr", 0.01));
        Vector params = both()) {
      optimizer.step(params, TorchLbfgsTest::loss);
      try (State state = optimizer.getState();
          State broken = new State();
          TorchLbfgs fresh = TorchLbfgs.of()) {
        for (String entry : state.keys()) {
          Object value = state.value(entry);
          if (entry.equals(key)) {
            continue;
          }
          if (value instanceof Vector vector) {
            broken.put(entry, vector.materialize());
          } else if (value instanceof Double number) {
            broken.put(entry, number);
          } else {
            broken.put(entry, state.spec(entry));
          }
        }
        assertThatThrownBy(() -> fresh.setState(broken))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("state");
        try (TorchLbfgs small = TorchLbfgs.of(Map.of("history_size", 2))) {
          assertThatThrownBy(() -> small.setState(state)).hasMessageContaining("history_size");
        }
        fresh.setState(state);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "lr, -1, >= 0|at least 0",
    "history_size, 0, from 1",
    "max_iter, 1.5, whole number",
    "line_search_fn, armijo, strong_wolfe",
    "tolerance_grad, NaN, finite",
    "momentum, 0.9, unknown entry 'momentum'"
  })
  void refusesBadOptions(String key, String value, String message) {
    Object given = key.equals("line_search_fn") ? value : Double.valueOf(value);
    assertThatThrownBy(() -> TorchLbfgs.of(Map.of(key, given)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("torch.optim.LBFGS")
        .satisfies(e -> assertThat(e.getMessage()).containsAnyOf(message.split("\\|")));
  }

  @Test
  void closedOptimizerSaysSo() {
    TorchLbfgs optimizer = TorchLbfgs.of();
    optimizer.close();
    optimizer.close();
    try (Vector params = both()) {
      assertThatThrownBy(() -> optimizer.step(params, TorchLbfgsTest::loss))
          .isInstanceOf(ClosedException.class);
    }
  }
}
