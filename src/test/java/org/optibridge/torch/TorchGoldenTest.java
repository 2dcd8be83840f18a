package org.optibridge.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.State;
import org.optibridge.testing.Golden;
import org.optibridge.testing.RequiresTorch;
import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.Vector;

/** Every recorded step of torch.optim and of declearn's TorchOptiModule, fused and plain. */
@RequiresTorch
class TorchGoldenTest {
  private static final List<String> FILES =
      List.of(
          "sgd",
          "adam",
          "adamw",
          "adagrad",
          "rmsprop",
          "adamax",
          "nadam",
          "radam",
          "adadelta",
          "asgd",
          "rprop",
          "adafactor",
          "muon");
  private static final Set<String> PYTHON_ONLY =
      Set.of("lr", "foreach", "fused", "capturable", "differentiable");

  static List<Arguments> moduleCases() {
    return variants("torch/");
  }

  static List<Arguments> nativeCases() {
    return variants("native/grid_");
  }

  private static List<Arguments> variants(String prefix) {
    List<Arguments> all = new ArrayList<>();
    for (String file : FILES) {
      for (Golden.Case one : Golden.cases(prefix + file + ".json")) {
        String cls = one.get("config").path("optim_cls").asText();
        String name = cls.isEmpty() ? one.get("optimizer").get("class").asText() : cls;
        all.add(Arguments.of(one, name, false));
        if (TorchOptimizers.get(name).hasFusedKernel()) {
          all.add(Arguments.of(one, name, true));
        }
      }
    }
    return all;
  }

  /** Options without those that only matter in Python; a tensor of one element is its number. */
  private static Map<String, Object> options(String cls, Map<String, Object> given, boolean fused) {
    Map<String, Object> kwargs = new LinkedHashMap<>();
    given.forEach(
        (key, value) -> {
          if (!PYTHON_ONLY.contains(key) && value != null) {
            kwargs.put(key, number(value));
          }
        });
    if (TorchOptimizers.get(cls).hasFusedKernel()) {
      kwargs.put("fused", fused);
    }
    return kwargs;
  }

  private static Object number(Object value) {
    if (value instanceof Map<?, ?> tensor && tensor.get("data") instanceof List<?> data) {
      return data.get(0);
    }
    return value instanceof List<?> list
        ? list.stream().map(TorchGoldenTest::number).toList()
        : value;
  }

  @ParameterizedTest(name = "{0} fused={2}")
  @MethodSource("moduleCases")
  @SuppressWarnings("unchecked")
  void moduleGivesTheRecordedDirection(Golden.Case one, String cls, boolean fused) {
    Map<String, Object> config = Golden.map(one.get("config"));
    Map<String, Object> kwargs = options(cls, (Map<String, Object>) config.get("kwargs"), fused);
    TorchOptiModule module = TorchOptiModule.of(cls, kwargs);
    try {
      int number = 0;
      for (JsonNode step : one.get("steps")) {
        for (JsonNode event : step.path("before")) {
          if (event.asText().equals("reset")) {
            module.reset();
          } else if (event.asText().equals("state_roundtrip")) {
            module = moved(module, cls, kwargs);
          } else {
            assertThat(event.asText()).isEqualTo("start_round");
          }
        }
        try (Vector gradients = Golden.vector(step.get("gradients"), one.names())) {
          Vector updates = module.run(gradients, null);
          Golden.check("step " + ++number, updates, step.get("updates"), one.rtol(), one.atol());
        }
      }
    } finally {
      module.close();
    }
  }

  private static TorchOptiModule moved(
      TorchOptiModule module, String cls, Map<String, Object> kwargs) {
    TorchOptiModule fresh = TorchOptiModule.of(cls, kwargs);
    try (State state = module.getState()) {
      fresh.setState(state);
    }
    module.close();
    return fresh;
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("moduleCases")
  void recordedConfigIsRead(Golden.Case one, String cls, boolean fused) {
    try (TorchOptiModule module = TorchOptiModule.fromConfig(Golden.map(one.get("config")))) {
      assertThat(module.isFused()).isEqualTo(module.spec().hasFusedKernel());
      assertThat(module.getConfig().get("kwargs"))
          .isEqualTo(Golden.map(one.get("config")).get("kwargs"));
      int number = 0;
      for (JsonNode step : one.get("steps")) {
        if (!step.path("before").isEmpty()) {
          module.reset();
        }
        try (Vector gradients = Golden.vector(step.get("gradients"), one.names())) {
          Vector updates = module.run(gradients, null);
          Golden.check("step " + ++number, updates, step.get("updates"), one.rtol(), one.atol());
        }
      }
    }
  }

  @ParameterizedTest(name = "{0} fused={2}")
  @MethodSource("nativeCases")
  @SuppressWarnings("unchecked")
  void optimizerStepsWeightsAsTorchDoes(Golden.Case one, String cls, boolean fused) {
    Map<String, Object> given =
        (Map<String, Object>) Golden.map(one.get("optimizer")).get("kwargs");
    Object rate = number(given.getOrDefault("lr", TorchOptimizers.get(cls).defaultLearningRate()));
    try (Optimizer optimizer =
            Optimizer.builder()
                .learningRate(((Number) rate).doubleValue())
                .module(TorchOptiModule.of(cls, options(cls, given, fused)))
                .build();
        Vector params = Golden.vector(one.get("params0"), one.names())) {
      int number = 0;
      for (JsonNode step : one.get("steps")) {
        try (Vector gradients = Golden.vector(step.get("gradients"), one.names())) {
          optimizer.step(params, gradients);
          Golden.check("step " + ++number, params, step.get("params"), one.rtol(), one.atol());
        }
      }
      assertThat(number).isEqualTo(10);
      try (State state = optimizer.getState()) {
        State module = state.state("modules").state("0:" + TorchOptiModule.NAME);
        checkState(module, one.get("state"), one.isDouble() ? 1e-9 : 1e-3);
      }
    }
  }

  /** The entries are those of Python's state, by name, dtype and shape, and hold about the same. */
  private static void checkState(State module, JsonNode expected, double tolerance) {
    Set<String> names = new TreeSet<>();
    List<String> params = module.spec("params").names();
    for (String param : params) {
      for (Map.Entry<String, JsonNode> entry : expected.path(param).properties()) {
        if (entry.getValue().isNull()) {
          continue;
        }
        String name = params.indexOf(param) + "." + entry.getKey();
        names.add(name);
        checkEntry(module.vector("state"), name, entry.getValue(), tolerance);
      }
    }
    assertThat(module.has("state") ? module.vector("state").spec().names() : List.<String>of())
        .containsExactlyInAnyOrderElementsOf(names);
  }

  private static void checkEntry(Vector state, String name, JsonNode recorded, double tolerance) {
    TensorSpec tensor = state.spec().get(name);
    assertThat(tensor.dtype().label()).as(name).isEqualTo(recorded.get("dtype").asText());
    List<Long> shape = new ArrayList<>();
    recorded.get("shape").forEach(extent -> shape.add(extent.asLong()));
    assertThat(Arrays.stream(tensor.shape()).boxed().toList()).as(name).isEqualTo(shape);
    double[] values = state.toDoubles(name);
    for (int i = 0; i < values.length; i++) {
      double wanted = recorded.get("data").get(i).asDouble();
      assertThat(values[i]).as(name).isCloseTo(wanted, within(tolerance * (1 + Math.abs(wanted))));
    }
  }
}
