package org.optibridge.tensorflow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.Registry;
import org.optibridge.optimizer.State;
import org.optibridge.schedulers.ExponentialDecay;
import org.optibridge.testing.Golden;
import org.optibridge.testing.NoLeaks;
import org.optibridge.testing.RequiresTensorflow;
import org.optibridge.vector.DType;
import org.optibridge.vector.Vector;

/**
 * Each recorded misuse of Keras's optimizers and of declearn's TensorflowOptiModule, done here:
 * refused like there, decided otherwise with the reason, or impossible because types exclude it.
 */
@ExtendWith(NoLeaks.class)
@RequiresTensorflow
class KerasErrorTableTest {
  /**
   * What is done, and what comes of it.
   *
   * @param name of the recorded case
   * @param message parts of the message of an IllegalArgumentException; empty if it is accepted, or
   *     can't be done here
   */
  private record Decision(String name, List<String> message, ThrowingCallable act) {
    @Override
    public String toString() {
      return name;
    }
  }

  private static Decision refused(String name, ThrowingCallable act, String... message) {
    return new Decision(name, List.of(message), act);
  }

  private static Decision accepted(String name, ThrowingCallable act) {
    return new Decision(name, List.of(), act);
  }

  private static Decision impossible(String name, String reason) {
    return new Decision(name, List.of(), () -> assumeTrue(false, reason));
  }

  private static Vector vector(Object... namesAndSizes) {
    var builder = Vector.builder();
    for (int i = 0; i < namesAndSizes.length; i += 2) {
      builder.allocate((String) namesAndSizes[i], DType.FLOAT32, (int) namesAndSizes[i + 1]);
    }
    Vector made = builder.build();
    made.fill(1);
    return made;
  }

  /** Runs a module over vectors, one after the other. */
  private static void run(OptiModule made, Vector... gradients) {
    try (OptiModule module = made) {
      for (Vector one : gradients) {
        try (Vector out = module.run(one, null).materialize()) {
          assertThat(out.spec()).isEqualTo(one.spec());
          assertThat(out.flatten()).doesNotContain(Double.NaN);
        }
      }
    } finally {
      Stream.of(gradients).forEach(Vector::close);
    }
  }

  private static TensorflowOptiModule adam() {
    return TensorflowOptiModule.of("adam");
  }

  /** Loads what another module has after a step over a[3] and b[2], changed. */
  private static void load(
      String from, TensorflowOptiModule into, Function<State, State> change, Vector... then) {
    try (TensorflowOptiModule source = TensorflowOptiModule.of(from);
        TensorflowOptiModule target = into;
        Vector gradients = vector("a", 3, "b", 2)) {
      source.run(gradients, null);
      try (State state = source.getState();
          State changed = change.apply(state)) {
        target.setState(changed);
      }
      for (Vector one : then) {
        target.run(one, null);
      }
    } finally {
      Stream.of(then).forEach(Vector::close);
    }
  }

  private static State withoutSpecs(State state) {
    State slots = new State();
    State saved = state.state("slots");
    saved.keys().forEach(slot -> slots.put(slot, saved.vector(slot).materialize()));
    return new State()
        .put("optim_cls", state.text("optim_cls"))
        .put("iterations", state.number("iterations"))
        .put("slots", slots);
  }

  /** Reset after other shapes. */
  private static void resetBetween() {
    try (TensorflowOptiModule module = adam();
        Vector first = vector("a", 3, "b", 2);
        Vector second = vector("c", 2)) {
      module.run(first, null);
      module.reset();
      try (Vector out = module.run(second, null).materialize()) {
        assertThat(out.spec()).isEqualTo(second.spec());
      }
    }
  }

  private static void someMissing() {
    try (Optimizer optimizer =
            Optimizer.builder().learningRate(1).module(TensorflowOptiModule.of("sgd")).build();
        Vector params = vector("a", 2, "b", 1);
        Vector gradients = vector("b", 1)) {
      optimizer.step(params, gradients);
      assertThat(params.toDoubles("a")).containsOnly(1);
      assertThat(params.toDoubles("b")).containsOnly(0);
    }
  }

  private static void rateOverSchedule() {
    try (Optimizer optimizer =
        Optimizer.builder()
            .learningRate(new ExponentialDecay(0.1, 0.5))
            .module(TensorflowOptiModule.of("sgd"))
            .build()) {
      optimizer.setLearningRate(0.5);
      assertThat(optimizer.learningRate()).isEqualTo(0.5);
    }
  }

  private static void scheduleIsReplaced() {
    Map<String, Object> schedule =
        Map.of("class_name", "ExponentialDecay", "config", Map.of("initial_learning_rate", 0.1));
    try (TensorflowOptiModule module =
            TensorflowOptiModule.of("SGD", Map.of("learning_rate", schedule));
        Vector gradients = vector("a", 3);
        Vector out = module.run(gradients, null).materialize()) {
      assertThat(out.flatten()).containsOnly(1);
    }
  }

  /** Keras's slip is a scale in float32 for float64 weights; what is meant is clear. */
  private static void muon(DType dtype) {
    try (TensorflowOptiModule module = TensorflowOptiModule.of("Muon");
        Vector gradients = Vector.builder().allocate("w", dtype, 3, 4).build()) {
      gradients.fill(1);
      // Of rank one: the one singular value goes where the polynomial leads it.
      double value = 1;
      for (int i = 0; i < 5; i++) {
        value = 3.4445 * value - 4.7750 * Math.pow(value, 3) + 2.0315 * Math.pow(value, 5);
      }
      double expected = value / Math.sqrt(12) * Math.sqrt(4) * 0.2;
      try (Vector out = module.run(gradients, null).materialize()) {
        for (double one : out.flatten()) {
          assertThat(one).isCloseTo(expected, within(1e-5));
        }
      }
    }
  }

  static List<Decision> table() {
    return List.of(
        accepted("keras-errors/some-missing", KerasErrorTableTest::someMissing),
        impossible("keras-errors/apply-not-built", "weights come with each step"),
        accepted("keras-errors/rate-on-schedule", KerasErrorTableTest::rateOverSchedule),
        accepted("keras-options/muon-0-float32", () -> muon(DType.FLOAT32)),
        accepted("keras-options/muon-0-float64", () -> muon(DType.FLOAT64)),
        impossible("errors/tensorflow-run-numpy-vector", "a vector is of no framework"),
        refused(
            "errors/tensorflow-run-missing-key",
            () -> run(adam(), vector("a", 3, "b", 2), vector("a", 3)),
            "'b'"),
        refused(
            "errors/tensorflow-run-shape-mismatch",
            () -> run(adam(), vector("a", 3, "b", 2), vector("a", 4, "b", 2)),
            "'a'",
            "[4]",
            "[3]"),
        accepted("errors/tensorflow-run-after-reset-new-spec", KerasErrorTableTest::resetBetween),
        refused("errors/tensorflow-run-empty-vector", KerasErrorTableTest::vector, "tensor"),
        refused("errors/tensorflow-unknown-name", () -> TensorflowOptiModule.of("nope"), "'nope'"),
        refused(
            "errors/tensorflow-from-config-missing",
            () -> Registry.module(TensorflowOptiModule.NAME, Map.of()),
            "'optim'"),
        refused(
            "errors/tensorflow-set-state-missing-specs",
            () -> load("adam", adam(), KerasErrorTableTest::withoutSpecs),
            "specs"),
        refused(
            "errors/tensorflow-set-state-other-class",
            () -> load("adagrad", adam(), state -> state),
            "keras.optimizers.Adagrad",
            "keras.optimizers.Adam"),
        refused(
            "errors/tensorflow-set-state-other-names-run",
            () -> load("adam", adam(), state -> state, vector("a", 3, "c", 2)),
            "'b'"),
        // Keras wraps it; declearn fails at setting a decay that it does not have.
        accepted(
            "errors/tensorflow-unsupported-lossscale",
            () ->
                run(
                    TensorflowOptiModule.of("LossScaleOptimizer", Map.of("inner_optimizer", "SGD")),
                    vector("a", 3))),
        // It asks for a path, which every tensor of a Vector has.
        accepted(
            "errors/tensorflow-unsupported-muon-run",
            () -> run(TensorflowOptiModule.of("muon"), vector("a", 3))),
        accepted("errors/tensorflow-schedule-replaced", KerasErrorTableTest::scheduleIsReplaced));
  }

  private static List<Golden.Case> recorded() {
    return Stream.of(
            Golden.cases("native/keras/errors.json").stream()
                .filter(one -> !one.get("kind").asText().equals("hyper-parameters")),
            Golden.cases("native/keras/options_muon.json").stream(),
            Golden.cases("tensorflow/errors.json").stream())
        .flatMap(cases -> cases)
        .toList();
  }

  @Test
  void everyRecordedCaseIsDecided() {
    assertThat(table().stream().map(Decision::name))
        .containsExactlyElementsOf(recorded().stream().map(Golden.Case::toString).toList());
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("table")
  void isDecided(Decision decision) throws Throwable {
    if (decision.message().isEmpty()) {
      decision.act().call();
      return;
    }
    Throwable thrown = catchThrowable(decision.act());
    assertThat(thrown).isInstanceOf(IllegalArgumentException.class);
    assertThat(thrown.getMessage()).contains(decision.message());
  }

  @Test
  void decisionsThatDifferFromKerasAreThese() {
    Map<String, JsonNode> raises =
        recorded().stream()
            .collect(Collectors.toMap(Golden.Case::toString, one -> one.get("raises")));
    assertThat(
            table().stream()
                .filter(one -> raises.get(one.name()).isNull() != one.message().isEmpty())
                .map(Decision::name))
        .containsExactly(
            "keras-errors/apply-not-built",
            "keras-errors/rate-on-schedule",
            "keras-options/muon-0-float32",
            "keras-options/muon-0-float64",
            "errors/tensorflow-run-numpy-vector",
            "errors/tensorflow-unsupported-lossscale",
            "errors/tensorflow-unsupported-muon-run");
  }

  static List<Golden.Case> ranges() {
    return Golden.cases("native/keras/errors.json").stream()
        .filter(one -> one.get("kind").asText().equals("hyper-parameters"))
        .toList();
  }

  /** Of these nothing is decided otherwise; KerasRangesTest has all that there are. */
  @ParameterizedTest(name = "{0}")
  @MethodSource("ranges")
  @SuppressWarnings("unchecked")
  void rangesAreThoseOfKeras(Golden.Case one) {
    Map<String, Object> given = Golden.map(one.get("optimizer"));
    Map<String, Object> kwargs = (Map<String, Object>) given.get("kwargs");
    @Nullable Throwable thrown =
        catchThrowable(() -> KerasOptimizer.of((String) given.get("class"), kwargs));
    if (one.get("raises").isNull()) {
      assertThat(thrown).isNull();
    } else {
      assertThat(thrown).isInstanceOf(IllegalArgumentException.class);
      assertThat(kwargs.keySet()).anyMatch(key -> thrown.getMessage().contains("'" + key + "'"));
    }
  }
}
