package org.optibridge.tensorflow;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.State;
import org.optibridge.testing.Golden;
import org.optibridge.testing.RequiresTensorflow;
import org.optibridge.vector.Recording;
import org.optibridge.vector.Vector;

/** Every recorded step of keras.optimizers and of declearn's TensorflowOptiModule. */
@RequiresTensorflow
class TensorflowGoldenTest {
  /** The recorded Muon fails; KerasRecordedTest has steps of one that runs. */
  private static List<KerasOptimizerSpec> recorded() {
    return KerasOptimizers.all().stream().filter(spec -> !spec.name().equals("Muon")).toList();
  }

  static List<Golden.Case> moduleCases() {
    List<Golden.Case> all = new ArrayList<>();
    for (KerasOptimizerSpec spec : recorded()) {
      all.addAll(Golden.cases("tensorflow/" + spec.name().toLowerCase(Locale.ROOT) + ".json"));
    }
    return all;
  }

  static List<Arguments> nativeCases() {
    List<Golden.Case> all = new ArrayList<>();
    for (KerasOptimizerSpec spec : recorded()) {
      all.addAll(
          Golden.cases("native/keras/options_" + spec.name().toLowerCase(Locale.ROOT) + ".json"));
    }
    for (String file : List.of("clipping", "decay_exclusion", "ema", "accumulation", "schedules")) {
      all.addAll(Golden.cases("native/keras/" + file + ".json"));
    }
    return all.stream()
        .flatMap(one -> List.of(true, false).stream().map(home -> Arguments.of(one, home)))
        .toList();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("moduleCases")
  void moduleGivesTheRecordedDirection(Golden.Case one) {
    Map<String, Object> config = Golden.map(one.get("config"));
    TensorflowOptiModule module = TensorflowOptiModule.fromConfig(config);
    try {
      int number = 0;
      for (JsonNode step : one.get("steps")) {
        for (JsonNode event : step.path("before")) {
          if (event.asText().equals("reset")) {
            module.reset();
          } else {
            module = moved(module, config);
          }
        }
        try (Vector gradients = Golden.vector(step.get("gradients"), one.names())) {
          Vector updates = module.run(gradients, null);
          Golden.check("step " + ++number, updates, step.get("updates"), one.rtol(), one.atol());
        }
        // State and config can be taken anywhere, and go on from.
        module = moved(module, module.getConfig());
      }
    } finally {
      module.close();
    }
  }

  private static TensorflowOptiModule moved(
      TensorflowOptiModule module, Map<String, Object> config) {
    TensorflowOptiModule fresh = TensorflowOptiModule.fromConfig(config);
    try (State state = module.getState()) {
      fresh.setState(state);
    }
    module.close();
    return fresh;
  }

  @ParameterizedTest(name = "{0} in TensorFlow''s memory: {1}")
  @MethodSource("nativeCases")
  @SuppressWarnings("unchecked")
  void optimizerStepsWeightsAsKerasDoes(Golden.Case one, boolean home) {
    Map<String, Object> given =
        new LinkedHashMap<>((Map<String, Object>) Golden.map(one.get("optimizer")).get("kwargs"));
    String cls = one.get("optimizer").get("class").asText();
    List<String> excluded = new ArrayList<>();
    one.get("exclude_from_weight_decay").forEach(text -> excluded.add(text.asText()));
    KerasOptimizer keras =
        KerasOptimizer.of(cls, given).excludingFromWeightDecay(excluded.toArray(String[]::new));
    TensorflowOptiModule module = TensorflowOptiModule.of(keras);
    try (Optimizer optimizer =
            Optimizer.builder().learningRate(keras.learningRate()).module(module).build();
        Vector recorded = Golden.vector(one.get("params0"), one.names());
        TensorflowVariables variables = module.allocateWeights(recorded.spec())) {
      Vector params = home ? variables.vector() : recorded;
      if (home) {
        params.assign(recorded);
      }
      int number = 0;
      for (JsonNode step : one.get("steps")) {
        try (Vector gradients = Golden.vector(step.get("gradients"), one.names())) {
          if (step.has("learning_rate")) {
            optimizer.setLearningRate(step.get("learning_rate").asDouble());
          }
          optimizer.step(params, gradients);
          Golden.check("step " + ++number, params, step.get("params"), one.rtol(), one.atol());
        }
        if (step.has("ema")) {
          try (State state = module.getState()) {
            Vector average = state.vector("average");
            Golden.check("ema " + number, average, step.get("ema"), one.rtol(), one.atol());
          }
        }
      }
      assertThat(number).isGreaterThan(4);
      if (!one.get("finalized").isMissingNode()) {
        module.finalizeWeights(params);
        Golden.check("finalized", params, one.get("finalized"), one.rtol(), one.atol());
      }
    }
  }

  /** With a stage after it, the module gives what it would take off the weights. */
  @ParameterizedTest(name = "{0}")
  @MethodSource("moduleCases")
  void theDirectionIsTheSameInARecording(Golden.Case one) {
    try (TensorflowOptiModule module =
        TensorflowOptiModule.fromConfig(Golden.map(one.get("config")))) {
      int number = 0;
      for (JsonNode step : one.get("steps")) {
        if (!step.path("before").isEmpty()) {
          module.reset();
        }
        try (Vector gradients = Golden.vector(step.get("gradients"), one.names());
            Vector updates = Vector.allocate(gradients.spec());
            Recording recording = Recording.begin()) {
          updates.assign(module.run(gradients.times(2).times(0.5), null));
          recording.commit();
          Golden.check("step " + ++number, updates, step.get("updates"), one.rtol(), one.atol());
        }
      }
    }
  }
}
