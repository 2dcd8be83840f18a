package org.optibridge.tensorflow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.testing.RequiresTensorflow;
import org.optibridge.vector.Vector;
import org.tensorflow.Graph;
import org.tensorflow.Operand;
import org.tensorflow.Session;
import org.tensorflow.framework.optimizers.AdaDelta;
import org.tensorflow.framework.optimizers.AdaGrad;
import org.tensorflow.framework.optimizers.AdaGradDA;
import org.tensorflow.framework.optimizers.Adam;
import org.tensorflow.framework.optimizers.Adamax;
import org.tensorflow.framework.optimizers.Ftrl;
import org.tensorflow.framework.optimizers.GradientDescent;
import org.tensorflow.framework.optimizers.Momentum;
import org.tensorflow.framework.optimizers.Nadam;
import org.tensorflow.framework.optimizers.RMSProp;
import org.tensorflow.ndarray.Shape;
import org.tensorflow.op.Op;
import org.tensorflow.op.Ops;
import org.tensorflow.op.core.Placeholder;
import org.tensorflow.op.core.Variable;
import org.tensorflow.types.TFloat32;

/** Optimizers of tensorflow-java's framework, real ones, beside the modules made of them. */
@RequiresTensorflow
class TensorflowJavaOptimizerTest {
  private static final int STEPS = 5;

  // The framework moves the powers of beta on in the same run as it reads them, in no given order,
  // so that its own numbers are those of this step or of the next: only settings can be compared.
  private static final Set<String> UNORDERED = Set.of("Adam", "Adamax");

  private interface Maker {
    org.tensorflow.framework.optimizers.Optimizer make(Graph graph);
  }

  private record Row(String name, Maker maker, String keras, Map<String, Object> options) {
    @Override
    public String toString() {
      return name;
    }
  }

  static List<Row> same() {
    return List.of(
        new Row("GradientDescent", g -> new GradientDescent(g, 0.25f), "SGD", Map.of()),
        new Row(
            "Momentum",
            g -> new Momentum(g, 0.1f, 0.9f),
            "SGD",
            Map.of("momentum", (double) 0.9f, "nesterov", false)),
        new Row(
            "Nesterov",
            g -> new Momentum(g, 0.1f, 0.75f, true),
            "SGD",
            Map.of("momentum", 0.75, "nesterov", true)),
        new Row(
            "Adam",
            g -> new Adam(g, 0.01f, 0.8f, 0.95f, 1e-4f),
            "Adam",
            Map.of("beta_1", (double) 0.8f, "beta_2", (double) 0.95f, "epsilon", (double) 1e-4f)),
        new Row("Adam's defaults", Adam::new, "Adam", Map.of("epsilon", (double) 1e-8f)),
        new Row(
            "Adamax",
            g -> new Adamax(g, 0.01f, 0.8f, 0.95f, 1e-4f),
            "Adamax",
            Map.of("beta_1", (double) 0.8f)),
        new Row(
            "AdaDelta",
            g -> new AdaDelta(g, 1f, 0.9f, 1e-3f),
            "Adadelta",
            Map.of("rho", (double) 0.9f, "epsilon", (double) 1e-3f)),
        new Row(
            "AdaGrad",
            g -> new AdaGrad(g, 0.1f, 0.5f),
            "Adagrad",
            Map.of("epsilon", 0.0, "initial_accumulator_value", 0.5)),
        new Row(
            "Ftrl",
            g -> new Ftrl(g, 0.1f, -0.4f, 0.2f, 0.01f, 0.02f, 0.03f),
            "Ftrl",
            Map.of(
                "learning_rate_power", (double) -0.4f,
                "l1_regularization_strength", (double) 0.01f,
                "l2_regularization_strength", (double) 0.02f,
                "l2_shrinkage_regularization_strength", (double) 0.03f)));
  }

  private static float[] gradient(int step) {
    return new float[] {0.1f * (step + 1), -0.5f, 0.3f - 0.2f * step};
  }

  /** The weights after some steps of the framework's own. */
  private static double[] trained(Maker maker) {
    try (Graph graph = new Graph();
        Session session = new Session(graph)) {
      Ops tf = Ops.create(graph);
      Variable<TFloat32> weights = tf.variable(tf.constant(new float[] {1, -2, 0.5f}));
      Placeholder<TFloat32> gradient =
          tf.placeholder(TFloat32.class, Placeholder.shape(Shape.of(3)));
      Operand<TFloat32> loss = tf.reduceSum(tf.math.mul(weights, gradient), tf.constant(0));
      Op step = maker.make(graph).minimize(loss);
      session.initialize();
      for (int i = 0; i < STEPS; i++) {
        try (TFloat32 fed = TFloat32.vectorOf(gradient(i))) {
          session.runner().feed(gradient, fed).addTarget(step).run();
        }
      }
      try (TFloat32 out = (TFloat32) session.runner().fetch(weights).run().get(0)) {
        return new double[] {out.getFloat(0), out.getFloat(1), out.getFloat(2)};
      }
    }
  }

  private static KerasOptimizer read(Maker maker) {
    try (Graph graph = new Graph()) {
      return KerasOptimizer.ofTensorflowJava(maker.make(graph));
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("same")
  void theModuleStepsAsTheFrameworkDoes(Row row) {
    KerasOptimizer keras = read(row.maker());
    assertThat(keras.spec().name()).isEqualTo(row.keras());
    assertThat(keras.options()).containsAllEntriesOf(row.options());
    if (UNORDERED.contains(row.keras())) {
      return;
    }
    double[] expected = trained(row.maker());
    try (Optimizer optimizer =
            Optimizer.builder()
                .learningRate(keras.learningRate())
                .module(TensorflowOptiModule.of(keras))
                .build();
        Vector params = Vector.builder().copy("w", new float[] {1, -2, 0.5f}, 3).build()) {
      for (int i = 0; i < STEPS; i++) {
        try (Vector gradients = Vector.builder().copy("w", gradient(i), 3).build()) {
          optimizer.step(params, gradients);
        }
      }
      assertThat(params.flatten()).containsExactly(expected, within(1e-6));
    }
  }

  static Stream<Row> different() {
    return Stream.of(
        new Row("RMSProp", g -> new RMSProp(g, 0.1f), "starts at 1", Map.of()),
        new Row("Nadam", Nadam::new, "torch.optim.NAdam", Map.of()),
        new Row("AdaGradDA", AdaGradDA::new, "no optimizer of this kind", Map.of()));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("different")
  void whatKerasHasNotIsRefusedWithTheReason(Row row) {
    assertThatThrownBy(() -> read(row.maker()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("org.tensorflow.framework.optimizers." + row.name())
        .hasMessageContaining(row.keras());
  }

  @Test
  void otherObjectsAreRefused() {
    try (Graph graph = new Graph()) {
      org.tensorflow.framework.optimizers.Optimizer own = new Adam(graph) {};
      for (Object other : List.of("adam", own, graph)) {
        assertThatThrownBy(() -> KerasOptimizer.ofTensorflowJava(other))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("known: [AdaDelta, AdaGrad, Adam,");
      }
    }
  }
}
