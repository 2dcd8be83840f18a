package org.optibridge.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.Registry;
import org.optibridge.optimizer.State;
import org.optibridge.testing.Framework;
import org.optibridge.testing.Golden;
import org.optibridge.testing.GoldenState;
import org.optibridge.testing.NoLeaks;
import org.optibridge.torch.TorchOptimizers;
import org.optibridge.vector.Vector;

/** Whole pipelines as declearn recorded them: rates, updates, weights and states. */
@ExtendWith(NoLeaks.class)
class GoldenPipelineTest {
  private static final String TORCH = "torch-optim";

  static List<Golden.Case> cases() {
    return Golden.cases("pipelines.json");
  }

  @ParameterizedTest
  @MethodSource("cases")
  void pipelineGivesTheRecordedUpdatesAndWeights(Golden.Case one) {
    one.get("config").get("modules").forEach(GoldenPipelineTest::assumeItCanRun);
    try (Optimizer optimizer = Optimizer.fromConfig(Golden.map(one.get("config")));
        Vector params = Golden.vector(one.get("params0"), one.names())) {
      int number = 0;
      for (JsonNode step : one.get("steps")) {
        String what = "step " + ++number;
        for (JsonNode event : step.path("before")) {
          assertThat(event.asText()).isEqualTo("start_round");
          optimizer.startRound();
        }
        step(optimizer, params, step, one, what);
      }
      assertThat(number).isEqualTo(9);
      checkState(optimizer, one, number);
    }
  }

  /** Skips what needs a framework or one of its optimizers that is not there. */
  private static void assumeItCanRun(JsonNode module) {
    String name = module.get(0).asText();
    assumeTrue(Registry.modules().contains(name), () -> "no module '" + name + "' yet");
    Framework.assumeModuleCanRun(name);
    if (name.equals(TORCH)) {
      String cls = module.get(1).get("optim_cls").asText();
      String plain = cls.substring(cls.lastIndexOf('.') + 1);
      assumeTrue(
          TorchOptimizers.all().stream().anyMatch(known -> known.name().equals(plain)),
          () -> "no torch.optim." + plain + " yet");
    }
  }

  private static void step(
      Optimizer optimizer, Vector params, JsonNode step, Golden.Case one, String what) {
    assertThat(optimizer.learningRate()).as(what).isEqualTo(step.get("lrate").asDouble());
    assertThat(optimizer.weightDecay()).as(what).isEqualTo(step.get("w_decay").asDouble());
    try (Vector gradients = Golden.vector(step.get("gradients"), one.names());
        Vector updates = optimizer.computeUpdates(params, gradients);
        Vector recorded = Golden.vector(step.get("params"), one.names())) {
      Golden.check(what + " updates", updates, step.get("updates"), one.rtol(), one.atol());
      optimizer.applyUpdates(params, updates);
      Golden.check(what + " params", params, step.get("params"), one.rtol(), one.atol());
      // Roundings of single precision must not add up over the steps.
      params.assign(recorded);
    }
  }

  private static void checkState(Optimizer optimizer, Golden.Case one, int steps) {
    try (State state = optimizer.getState()) {
      for (String rate : List.of("lrate", "w_decay")) {
        JsonNode recorded = one.get("state").get(rate);
        State ours = state.state(rate);
        assertThat(ours.number("rounds")).as(rate).isEqualTo(recorded.get("rounds").asDouble());
        // declearn counts a step when it reads the rate of the next one, and none if it is
        // constant.
        if (recorded.get("steps").asInt() > 0) {
          assertThat(recorded.get("steps").asInt()).isEqualTo(steps + 1);
          assertThat(ours.number("steps")).as(rate).isEqualTo(steps);
        }
        for (Map.Entry<String, JsonNode> more : recorded.properties()) {
          if (!List.of("steps", "rounds").contains(more.getKey())) {
            assertThat(ours.number(more.getKey())).isEqualTo(more.getValue().asDouble());
          }
        }
      }
      int position = 0;
      for (JsonNode module : one.get("state").get("modules")) {
        String key = position++ + ":" + module.get(0).asText();
        State ours = state.state("modules").state(key);
        if (module.get(0).asText().equals("tensorflow-optim")) {
          assertThat(ours.number("iterations")).isEqualTo(steps);
        } else if (module.get(0).asText().equals(TORCH)) {
          checkTorch(ours, module.get(1), one, steps);
        } else {
          GoldenState.check(key, ours, module.get(1), one.rtol(), one.atol());
        }
      }
    }
  }

  /**
   * Only entries and counts are compared: declearn hands torch negated gradients, and moments are
   * checked by what they give in each step.
   */
  private static void checkTorch(State ours, JsonNode recorded, Golden.Case one, int steps) {
    List<String> names = new ArrayList<>();
    for (JsonNode tensor : recorded.get("state")) {
      String position = tensor.get(0).asText();
      for (Map.Entry<String, JsonNode> entry : tensor.get(1).properties()) {
        if (!entry.getValue().isNull()) {
          names.add(position + "." + entry.getKey());
        }
      }
      if (tensor.get(1).has("step")) {
        assertThat(tensor.get(1).get("step").get("data").get(0).asInt()).isEqualTo(steps);
        assertThat(ours.vector("state").toDoubles(position + ".step")).containsExactly(steps);
      }
    }
    assertThat(ours.spec("params").names()).isEqualTo(one.names());
    if (names.isEmpty()) {
      assertThat(ours.has("state")).isFalse();
    } else {
      assertThat(ours.vector("state").spec().names()).containsExactlyInAnyOrderElementsOf(names);
    }
  }
}
