package org.optibridge.modules;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.Registry;
import org.optibridge.optimizer.State;
import org.optibridge.testing.Golden;
import org.optibridge.testing.GoldenState;
import org.optibridge.vector.Vector;

/** Every recorded step of declearn's framework-agnostic modules: outputs and states. */
class CoreGoldenTest {
  private static final List<String> NAMES =
      List.of(
          "momentum",
          "ewma",
          "yogi-momentum",
          "adagrad",
          "rmsprop",
          "adam",
          "yogi",
          "l2-clipping",
          "l2-global-clipping");

  static List<Golden.Case> cases() {
    List<Golden.Case> all = new ArrayList<>();
    NAMES.forEach(name -> all.addAll(Golden.cases("core/" + name + ".json")));
    Golden.cases("roundtrip.json").stream()
        .filter(one -> one.toString().startsWith("roundtrip/core-"))
        .forEach(all::add);
    return all;
  }

  /** What the constructor was given: declearn's config leaves out {@code round_reset}. */
  private static Map<String, Object> config(Golden.Case one) {
    Map<String, Object> config = Golden.map(one.get("config"));
    if (one.json().has("init")) {
      config.putAll(Golden.map(one.get("init")));
    }
    return config;
  }

  private static OptiModule module(Golden.Case one) {
    return Registry.module(one.get("module").asText(), config(one));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void recordedConfigIsReadAndWritten(Golden.Case one) {
    try (OptiModule module = module(one)) {
      assertThat(module.name()).isEqualTo(one.get("module").asText());
      assertThat(module.getConfig()).isEqualTo(config(one));
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void moduleGivesTheRecordedUpdatesAndState(Golden.Case one) {
    OptiModule module = module(one);
    try {
      int number = 0;
      for (JsonNode step : one.get("steps")) {
        String what = "step " + ++number;
        for (JsonNode event : step.path("before")) {
          switch (event.asText()) {
            case "start_round" -> module.startRound();
            case "state_roundtrip" -> module = moved(module, one);
            default -> throw new AssertionError("unknown event " + event);
          }
        }
        try (Vector gradients = Golden.vector(step.get("gradients"), one.names());
            Vector updates = stored(module.run(gradients, null))) {
          Golden.check(what, updates, step.get("updates"), one.rtol(), one.atol());
        }
        if (step.has("state")) {
          checkState(what, module, step.get("state"), one);
        }
      }
      assertThat(number).isGreaterThanOrEqualTo(3);
      checkState("at the end", module, one.get("state"), one);
    } finally {
      module.close();
    }
  }

  private static Vector stored(Vector updates) {
    assertThat(updates).isNotNull();
    return updates.materialize();
  }

  private static void checkState(
      String what, OptiModule module, JsonNode expected, Golden.Case one) {
    assertThat(expected.isObject()).isTrue();
    try (State state = module.getState()) {
      GoldenState.check(what + ": state", state, expected, one.rtol(), one.atol());
    }
  }

  private static OptiModule moved(OptiModule module, Golden.Case one) {
    OptiModule fresh = module(one);
    try (State state = module.getState()) {
      fresh.setState(state);
    }
    module.close();
    return fresh;
  }

  /** One program with the rest of the pipeline must give what the module gives by itself. */
  @ParameterizedTest
  @MethodSource("cases")
  void pipelineGivesTheRecordedUpdates(Golden.Case one) {
    Optimizer optimizer = optimizer(one);
    try {
      int number = 0;
      for (JsonNode step : one.get("steps")) {
        for (JsonNode event : step.path("before")) {
          if (event.asText().equals("start_round")) {
            optimizer.startRound();
          } else {
            optimizer = moved(optimizer, one);
          }
        }
        try (Vector gradients = Golden.vector(step.get("gradients"), one.names());
            Vector params = Vector.allocate(gradients.spec())) {
          assertThat(optimizer.step(params, gradients)).isTrue();
          params.assign(params.negate());
          Golden.check("step " + ++number, params, step.get("updates"), one.rtol(), one.atol());
        }
      }
    } finally {
      optimizer.close();
    }
  }

  private static Optimizer optimizer(Golden.Case one) {
    return Optimizer.builder().learningRate(1).module(module(one)).build();
  }

  private static Optimizer moved(Optimizer optimizer, Golden.Case one) {
    Optimizer fresh = optimizer(one);
    try (State state = optimizer.getState()) {
      fresh.setState(state);
    }
    optimizer.close();
    return fresh;
  }
}
