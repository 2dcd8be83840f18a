package org.optibridge.optimizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.optibridge.regularizers.Lasso;
import org.optibridge.regularizers.Ridge;
import org.optibridge.vector.Vector;

class TensorFilterTest {
  private final Vector weights =
      Vector.builder()
          .copy("layer1.weight", new float[] {1, 1, 1, 1}, 2, 2)
          .copy("layer1.bias", new float[] {1, 1}, 2)
          .copy("norm.scale", new float[] {1, 1}, 1, 2)
          .copy("temperature", new float[] {1})
          .build();

  @AfterEach
  void close() {
    weights.close();
  }

  /** The names whose tensors the filter lets through, joined by spaces. */
  private String chosen(TensorFilter filter) {
    try (Vector scaled = filter.scale(weights, 3).materialize()) {
      StringBuilder names = new StringBuilder();
      for (String name : scaled.spec().names()) {
        float first = scaled.toFloats(name)[0];
        assertThat(scaled.toFloats(name)).containsOnly(first);
        assertThat(first).isIn(0f, 3f);
        names.append(first == 3 ? name + " " : "");
      }
      return names.toString().strip();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "*.bias, layer1.weight norm.scale temperature",
    "layer1.*, norm.scale temperature",
    "*1*s, layer1.weight norm.scale temperature",
    "bias, layer1.weight layer1.bias norm.scale temperature",
    "layer1xbias, layer1.weight layer1.bias norm.scale temperature",
    "temperature, layer1.weight layer1.bias norm.scale",
    "*, ''"
  })
  void globsMatchWholeNames(String glob, String expected) {
    assertThat(chosen(TensorFilter.excluding(glob))).isEqualTo(expected);
  }

  @Test
  void severalGlobsAndOthers() {
    assertThat(chosen(TensorFilter.excluding("*.bias", "norm.*")))
        .isEqualTo("layer1.weight temperature");
    assertThat(chosen(TensorFilter.all()))
        .isEqualTo("layer1.weight layer1.bias norm.scale temperature");
    assertThat(chosen(TensorFilter.matricesOnly())).isEqualTo("layer1.weight norm.scale");
    assertThat(chosen(TensorFilter.of(tensor -> tensor.numel() < 3)))
        .isEqualTo("layer1.bias norm.scale temperature");
  }

  @Test
  void oneFilterServesDifferentVectors() {
    TensorFilter filter = TensorFilter.excluding("*.bias");
    try (Vector other = Vector.builder().copy("x.bias", new float[] {1}, 1).build()) {
      for (int i = 0; i < 2; i++) {
        assertThat(chosen(filter)).isEqualTo("layer1.weight norm.scale temperature");
        assertThat(filter.scale(other, 3).flatten()).containsExactly(0);
      }
    }
  }

  @Test
  void regularizerLeavesOutWhatTheFilterDoes() {
    try (Vector gradients = Vector.allocate(weights.spec());
        Lasso lasso = new Lasso(0.5, TensorFilter.excluding("*.bias", "norm.*"));
        Ridge ridge = new Ridge(0.5, TensorFilter.matricesOnly())) {
      assertThat(lasso.run(gradients, weights).flatten())
          .containsExactly(0.5, 0.5, 0.5, 0.5, 0, 0, 0, 0, 0.5);
      assertThat(ridge.run(gradients, weights).flatten())
          .containsExactly(1, 1, 1, 1, 0, 0, 1, 1, 0);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"fedprox", "lasso", "ridge"})
  void configComesBack(String name) {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("alpha", 0.25);
    config.put("exclude", List.of("*.bias", "norm.*"));
    config.put("min_dims", 2L);
    try (Regularizer made = Registry.regularizer(name, config);
        Vector gradients = Vector.allocate(weights.spec());
        Vector moved = weights.plus(1).materialize()) {
      assertThat(made.getConfig()).isEqualTo(config);
      try (Regularizer again = Registry.regularizer(name, made.getConfig())) {
        again.run(gradients, weights);
        double[] out = again.run(gradients, moved).flatten();
        assertThat(out).hasSize(9);
        for (int i = 0; i < 9; i++) {
          assertThat(out[i] != 0).as("element %d", i).isEqualTo(i < 4);
        }
      }
    }
  }

  @Test
  void weightDecayFilterComesBack() {
    Map<String, Object> filter = Map.of("exclude", List.of("*.bias"), "min_dims", 1L);
    Map<String, Object> config = Map.of("lrate", 1.0, "w_decay", 0.5, "w_decay_filter", filter);
    try (Optimizer optimizer = Optimizer.fromConfig(config);
        Vector gradients = Vector.allocate(weights.spec())) {
      assertThat(optimizer.getConfig()).containsEntry("w_decay_filter", filter);
      try (Vector updates = optimizer.computeUpdates(weights, gradients)) {
        assertThat(updates.flatten())
            .containsExactly(
                new double[] {-0.5, -0.5, -0.5, -0.5, 0, 0, -0.5, -0.5, 0}, within(0.0));
      }
    }
  }

  @Test
  void predicateCannotBeWritten() {
    try (Lasso lasso = new Lasso(0.5, TensorFilter.of(tensor -> true))) {
      assertThatThrownBy(lasso::getConfig)
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("can't be written to a config; use excluding");
    }
  }
}
