package org.optibridge.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.State;
import org.optibridge.regularizers.Ridge;
import org.optibridge.vector.DType;
import org.optibridge.vector.Vector;

/**
 * What the tests of plug-ins and programs have in common: steps, and plain loops to compare with.
 */
final class OwnSteps {
  /** Odd sizes, none, one, and a tensor without dimension. */
  static final List<long[]> SHAPES =
      List.of(
          new long[] {1},
          new long[] {3},
          new long[] {5, 13},
          new long[] {0},
          new long[] {},
          new long[] {1025});

  private OwnSteps() {}

  /** A rule for one tensor. */
  interface Rule {
    /**
     * @param p the weights, changed in place
     * @param states as many as were asked for, changed in place
     */
    void step(double[] p, double[] g, double[][] states, int t, double lr);
  }

  static final Rule LION =
      (p, g, states, t, lr) -> {
        for (int i = 0; i < p.length; i++) {
          double m = states[0][i];
          p[i] = p[i] * (1 - lr * 0.1) - lr * Math.signum(0.9 * m + (1 - 0.9) * g[i]);
          states[0][i] = 0.99 * m + (1 - 0.99) * g[i];
        }
      };
  static final Map<String, Object> LION_OPTIONS = Map.of("weight_decay", 0.1);

  static final Rule LAMB =
      (p, g, states, t, lr) -> {
        double[] update = new double[p.length];
        double weights = 0;
        double updates = 0;
        for (int i = 0; i < p.length; i++) {
          states[0][i] = 0.9 * states[0][i] + (1 - 0.9) * g[i];
          states[1][i] = 0.999 * states[1][i] + (1 - 0.999) * g[i] * g[i];
          double root = Math.sqrt(states[1][i]) / Math.sqrt(1 - Math.pow(0.999, t)) + 1e-6;
          update[i] = states[0][i] / (1 - Math.pow(0.9, t)) / root + 0.05 * p[i];
          weights += p[i] * p[i];
          updates += update[i] * update[i];
        }
        double trust = weights > 0 && updates > 0 ? Math.sqrt(weights) / Math.sqrt(updates) : 1;
        for (int i = 0; i < p.length; i++) {
          p[i] -= lr * trust * update[i];
        }
      };
  static final Map<String, Object> LAMB_OPTIONS = Map.of("weight_decay", 0.05);

  /** Weights after some steps of a rule, in float64. */
  static double[] expected(Rule rule, int states, int steps, double lr) {
    List<double[]> params = split(DType.FLOAT64, 1);
    List<double[][]> all = new ArrayList<>();
    params.forEach(p -> all.add(new double[states][p.length]));
    for (int t = 1; t <= steps; t++) {
      List<double[]> gradients = split(DType.FLOAT64, 100 + t);
      for (int k = 0; k < params.size(); k++) {
        rule.step(params.get(k), gradients.get(k), all.get(k), t, lr);
      }
    }
    return params.stream().flatMapToDouble(java.util.Arrays::stream).toArray();
  }

  private static List<double[]> split(DType dtype, long seed) {
    try (Vector vector = TorchFixtures.random(dtype, seed, SHAPES)) {
      return vector.spec().names().stream().map(vector::toDoubles).toList();
    }
  }

  /** The same by a module, in place or by direction. */
  static double[] actual(
      Supplier<TorchOptiModule> make, DType dtype, int steps, double lr, boolean inPlace) {
    try (Optimizer optimizer = Optimizer.builder().learningRate(lr).module(make.get()).build();
        Vector params = TorchFixtures.random(dtype, 1, SHAPES)) {
      steps(optimizer, params, 1, steps, inPlace);
      return params.flatten();
    }
  }

  static void steps(Optimizer optimizer, Vector params, int from, int to, boolean inPlace) {
    DType dtype = params.spec().tensors().get(0).dtype();
    for (int t = from; t <= to; t++) {
      try (Vector gradients = TorchFixtures.random(dtype, 100 + t, SHAPES)) {
        if (inPlace) {
          optimizer.step(params, gradients);
        } else {
          try (Vector updates = optimizer.computeUpdates(params, gradients)) {
            optimizer.applyUpdates(params, updates);
          }
        }
      }
    }
  }

  static void near(double[] actual, double[] expected, double tolerance) {
    assertThat(actual).hasSameSizeAs(expected);
    for (int i = 0; i < actual.length; i++) {
      assertThat(Math.abs(actual[i] - expected[i]))
          .as("element %d: %s and %s", i, actual[i], expected[i])
          .isLessThanOrEqualTo(tolerance * Math.max(1, Math.abs(expected[i])));
    }
  }

  /** All bindings, both dtypes, against a plain loop. */
  static void followsTheRule(Supplier<TorchOptiModule> make, Rule rule, int states) {
    double[] expected = expected(rule, states, 6, 0.01);
    near(actual(make, DType.FLOAT64, 6, 0.01, true), expected, 1e-12);
    near(actual(make, DType.FLOAT64, 6, 0.01, false), expected, 1e-12);
    near(actual(make, DType.FLOAT32, 6, 0.01, true), expected, 2e-6);
    near(actual(make, DType.FLOAT32, 6, 0.01, false), expected, 2e-6);
  }

  /** Saved after three steps and restored elsewhere, a run goes on bit for bit. */
  static void goesOnFromItsState(Supplier<TorchOptiModule> make) {
    for (DType dtype : DType.values()) {
      try (Optimizer whole = Optimizer.builder().learningRate(0.01).module(make.get()).build();
          Optimizer restored = Optimizer.builder().learningRate(0.01).module(make.get()).build();
          Vector params = TorchFixtures.random(dtype, 1, SHAPES)) {
        steps(whole, params, 1, 3, true);
        try (State state = whole.getState();
            Vector copy = params.materialize()) {
          restored.setState(state);
          steps(restored, copy, 4, 6, true);
          steps(whole, params, 4, 6, true);
          assertThat(copy.flatten()).isEqualTo(params.flatten());
          try (State one = whole.getState();
              State other = restored.getState()) {
            assertThat(one.keys()).isEqualTo(other.keys());
          }
        }
      }
    }
  }

  /** In a pipeline with large tensors, where a step may be an instruction of the sweep. */
  static void largeTensorsMoveAsTheirParts(Supplier<TorchOptiModule> make) {
    int n = 200_003;
    float[] values = new float[n];
    float[] slopes = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = (i % 17 - 8) / 8f;
      slopes[i] = (i % 13 - 6) / 5f;
    }
    int k = 221; // a period of both
    try (Optimizer large = pipeline(make);
        Optimizer small = pipeline(make);
        Vector params = Vector.builder().copy("w", values, n).build();
        Vector gradients = Vector.builder().copy("w", slopes, n).build();
        Vector few = Vector.builder().copy("w", java.util.Arrays.copyOf(values, k), k).build();
        Vector some = Vector.builder().copy("w", java.util.Arrays.copyOf(slopes, k), k).build()) {
      for (int t = 0; t < 3; t++) {
        large.step(params, gradients);
        small.step(few, some);
      }
      double[] all = params.flatten();
      double[] part = few.flatten();
      for (int i = 0; i < n; i++) {
        assertThat(all[i]).isEqualTo(part[i % k]);
      }
    }
  }

  private static Optimizer pipeline(Supplier<TorchOptiModule> make) {
    return Optimizer.builder()
        .learningRate(0.01)
        .regularizer(new Ridge(0.01))
        .module(make.get())
        .build();
  }

  /** Modules of one file on several threads at once, some of them closed while others step. */
  static void modulesShareTheirCode(Supplier<TorchOptiModule> make) {
    double[] alone = actual(make, DType.FLOAT32, 6, 0.01, true);
    List<CompletableFuture<double[]>> runs = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      int steps = i % 2 == 0 ? 6 : 1;
      runs.add(CompletableFuture.supplyAsync(() -> actual(make, DType.FLOAT32, steps, 0.01, true)));
    }
    for (int i = 0; i < runs.size(); i++) {
      double[] result = runs.get(i).join();
      if (i % 2 == 0) {
        assertThat(result).isEqualTo(alone);
      }
    }
  }

  /** After something went wrong, other modules work. */
  static void othersWork() {
    try (TorchOptiModule adam = TorchOptiModule.of("Adam");
        Vector params = TorchFixtures.random(DType.FLOAT32, 1, 3);
        Vector gradients = TorchFixtures.random(DType.FLOAT32, 2, 3)) {
      double before = params.flatten()[0];
      adam.stepInPlace(params, gradients, 0.1);
      assertThat(params.flatten()[0]).isNotEqualTo(before);
    }
  }

  /** A step that fails changes neither weights nor state. */
  static void failsWithoutTrace(TorchOptiModule module, String... texts) {
    try (module;
        Vector params = TorchFixtures.random(DType.FLOAT32, 1, 3);
        Vector gradients = TorchFixtures.random(DType.FLOAT32, 2, 3)) {
      double[] before = params.flatten();
      var thrown = assertThatThrownBy(() -> module.stepInPlace(params, gradients, 0.1));
      for (String text : texts) {
        thrown.hasMessageContaining(text);
      }
      thrown.isInstanceOfAny(
          IllegalArgumentException.class, org.optibridge.memory.OptiBridgeException.class);
      assertThat(params.flatten()).isEqualTo(before);
    }
    othersWork();
  }
}
