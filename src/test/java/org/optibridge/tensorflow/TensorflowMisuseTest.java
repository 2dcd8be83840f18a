package org.optibridge.tensorflow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.optibridge.memory.ClosedException;
import org.optibridge.memory.ConcurrentUseException;
import org.optibridge.optimizer.State;
import org.optibridge.optimizer.StateValues;
import org.optibridge.testing.NoLeaks;
import org.optibridge.testing.RequiresTensorflow;
import org.optibridge.vector.DType;
import org.optibridge.vector.Device;
import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorBuilder;
import org.optibridge.vector.VectorSpec;

/**
 * What can be done wrong with a module that trains already: each call is refused with a message
 * that says what is wrong, and the module steps on, bit for bit, as one that was left in peace.
 */
@ExtendWith(NoLeaks.class)
@RequiresTensorflow
class TensorflowMisuseTest {
  private static final List<long[]> SHAPES = List.of(new long[] {3, 4}, new long[] {65});

  private interface Call {
    void on(TensorflowOptiModule module, Vector params, Vector gradients);
  }

  private record Misuse(String what, String text, Call call) {
    @Override
    public String toString() {
      return what;
    }
  }

  private static Misuse misuse(String what, String text, Call call) {
    return new Misuse(what, text, call);
  }

  private static Vector random(DType dtype, long seed, List<long[]> shapes) {
    Random random = new Random(seed);
    VectorBuilder builder = Vector.builder();
    for (int i = 0; i < shapes.size(); i++) {
      int numel = 1;
      for (long extent : shapes.get(i)) {
        numel *= (int) extent;
      }
      builder.copy("w" + i, dtype, random.doubles(numel, -1, 1).toArray(), shapes.get(i));
    }
    return builder.build();
  }

  private static Vector named(String first, String second) {
    return Vector.builder()
        .allocate(first, DType.FLOAT32, 3, 4)
        .allocate(second, DType.FLOAT32, 65)
        .build();
  }

  private interface Other {
    Vector make();
  }

  /** Gradients that do not fit, and weights that do not, in each way to step. */
  private static Stream<Misuse> operands(String what, String text, Other other) {
    return Stream.of(
        misuse(
            "gradients of " + what,
            text,
            (module, params, gradients) -> {
              try (Vector bad = other.make()) {
                module.stepInPlace(params, bad, 0.1);
              }
            }),
        misuse(
            "weights of " + what,
            text,
            (module, params, gradients) -> {
              try (Vector bad = other.make()) {
                module.stepInPlace(bad, gradients, 0.1);
              }
            }),
        misuse(
            "direction of " + what,
            text,
            (module, params, gradients) -> {
              try (Vector bad = other.make()) {
                module.run(bad, null);
              }
            }));
  }

  private static Misuse rate(double rate) {
    return misuse(
        "rate " + rate, "learning rate is " + rate, (m, p, g) -> m.stepInPlace(p, g, rate));
  }

  private interface Change {
    void to(State state);
  }

  /** A state of the module's own, changed. */
  private static Misuse state(String what, String text, Change change) {
    return misuse(
        "state " + what,
        text,
        (module, params, gradients) -> {
          try (State state = module.getState()) {
            change.to(state);
            module.setState(state);
          }
        });
  }

  private static void load(
      TensorflowOptiModule module, TensorflowOptiModule from, Vector gradients) {
    try (TensorflowOptiModule other = from) {
      other.run(gradients, null);
      try (State state = other.getState()) {
        module.setState(state);
      }
    }
  }

  /** Entries of a slot's place taken by others; what they replace is freed. */
  private static void replace(State state, String slot, @Nullable Vector by) {
    State slots = state.state("slots");
    State changed = new State();
    for (String key : slots.keys()) {
      if (!key.equals(slot)) {
        changed.put(key, slots.vector(key).materialize());
      }
    }
    if (by != null) {
      changed.put(slot, by);
    }
    slots.close();
    state.put("slots", changed);
  }

  private static Misuse allocate(String what, String text, TensorSpec... tensors) {
    return misuse(
        "allocateWeights " + what,
        text,
        (m, p, g) -> m.allocateWeights(new VectorSpec(List.of(tensors))).close());
  }

  static List<Misuse> table() {
    List<Misuse> rows = new ArrayList<>();
    rows.addAll(operands("other names", "Mismatch", () -> named("w0", "v1")).toList());
    rows.addAll(operands("other order", "Mismatch", () -> named("w1", "w0")).toList());
    rows.addAll(
        operands(
                "other shape",
                "[64]",
                () -> random(DType.FLOAT32, 9, List.of(SHAPES.get(0), new long[] {64})))
            .toList());
    rows.addAll(
        operands(
                "transposed shape",
                "[4, 3]",
                () -> random(DType.FLOAT32, 9, List.of(new long[] {4, 3}, SHAPES.get(1))))
            .toList());
    rows.addAll(
        operands("other dtype", "float64", () -> random(DType.FLOAT64, 9, SHAPES)).toList());
    rows.addAll(operands("16 bits", "bfloat16", () -> random(DType.BFLOAT16, 9, SHAPES)).toList());
    rows.addAll(
        operands("fewer tensors", "'w1'", () -> random(DType.FLOAT32, 9, SHAPES.subList(0, 1)))
            .toList());
    rows.addAll(
        operands(
                "more tensors",
                "'w2'",
                () ->
                    random(DType.FLOAT32, 9, List.of(SHAPES.get(0), SHAPES.get(1), new long[] {2})))
            .toList());
    rows.addAll(
        operands(
                "closed memory",
                "after close()",
                () -> {
                  Vector closed = random(DType.FLOAT32, 9, SHAPES);
                  closed.close();
                  return closed;
                })
            .toList());
    rows.addAll(
        List.of(
            rate(Double.NaN),
            rate(Double.POSITIVE_INFINITY),
            rate(Double.NEGATIVE_INFINITY),
            misuse(
                "an expression to step",
                "are an expression",
                (m, p, g) -> m.stepInPlace(p.times(1), g, 0.1)),
            misuse(
                "weights as their gradients",
                "the same vector",
                (m, p, g) -> m.stepInPlace(p, p, 0.1)),
            misuse("no option", "'bogus'", (m, p, g) -> m.optimizer().with("bogus", 1)),
            misuse("bad value", "'beta_1'", (m, p, g) -> m.optimizer().with("beta_1", "x")),
            misuse(
                "state of another class",
                "keras.optimizers.AdamW",
                (m, p, g) -> load(m, TensorflowOptiModule.of("AdamW"), g)),
            misuse(
                "state with a slot more",
                "velocity_hat",
                (m, p, g) -> load(m, TensorflowOptiModule.of("Adam", Map.of("amsgrad", true)), g)),
            misuse(
                "state with a loss scale",
                "dynamic_scale",
                (m, p, g) ->
                    load(
                        m,
                        TensorflowOptiModule.of(
                            "LossScaleOptimizer", Map.of("inner_optimizer", "Adam")),
                        g)),
            misuse("state empty", "optim_cls", (m, p, g) -> m.setState(new State())),
            state("without a slot", "velocity", s -> replace(s, "velocity", null)),
            state(
                "with an unknown slot",
                "bogus",
                s -> replace(s, "bogus", random(DType.FLOAT32, 1, SHAPES))),
            state(
                "with a slot of another shape",
                "slot velocity",
                s ->
                    replace(
                        s,
                        "velocity",
                        random(DType.FLOAT32, 1, List.of(SHAPES.get(0), new long[] {66})))),
            state(
                "with a slot of another dtype",
                "slot momentum",
                s -> replace(s, "momentum", random(DType.FLOAT64, 1, SHAPES))),
            state(
                "with a slot of other names",
                "slot momentum",
                s -> replace(s, "momentum", named("a", "b"))),
            state("of negative iterations", "not a count", s -> s.put("iterations", -1)),
            state("of half an iteration", "not a count", s -> s.put("iterations", 1.5)),
            state("of too many iterations", "not a count", s -> s.put("iterations", 1e300)),
            state("of NaN iterations", "not a count", s -> s.put("iterations", Double.NaN)),
            state("with iterations as a text", "iterations", s -> s.put("iterations", "one")),
            state("with an unknown entry", "bogus", s -> s.put("bogus", 1)),
            state("with a class that is a number", "optim_cls", s -> s.put("optim_cls", 1)),
            state("with specs that are a text", "specs", s -> s.put("specs", "w0")),
            state(
                "of other specs",
                "slot momentum",
                s ->
                    s.put(
                        "specs",
                        new VectorSpec(
                            List.of(new TensorSpec("w0", DType.FLOAT32, Device.CPU, 3, 4))))),
            allocate("of 16 bits", "bfloat16", new TensorSpec("w", DType.BFLOAT16, Device.CPU, 3)),
            allocate(
                "on a GPU",
                "not there",
                new TensorSpec("w", DType.FLOAT32, Device.of("cuda:0"), 3)),
            allocate(
                "twice of a name",
                "'w'",
                new TensorSpec("w", DType.FLOAT32, Device.CPU, 3),
                new TensorSpec("w", DType.FLOAT32, Device.CPU, 3)),
            allocate("of nothing", ""),
            misuse(
                "weights that are closed",
                "after close()",
                (m, p, g) -> {
                  TensorflowVariables weights = m.allocateWeights(p.spec());
                  weights.close();
                  m.stepInPlace(weights.vector(), g, 0.1);
                }),
            misuse(
                "weights of TensorFlow's with other names",
                "lack 'a'",
                (m, p, g) -> {
                  try (Vector other = named("a", "b");
                      TensorflowVariables weights = m.allocateWeights(other.spec())) {
                    m.stepInPlace(weights.vector(), g, 0.1);
                  }
                })));
    return rows;
  }

  static Stream<Arguments> cases() {
    return table().stream()
        .flatMap(row -> Stream.of(true, false).map(home -> Arguments.of(row, home)));
  }

  @ParameterizedTest(name = "{0}, weights in TensorFlow''s memory: {1}")
  @MethodSource("cases")
  void isRefusedAndChangesNothing(Misuse misuse, boolean home) {
    try (TensorflowOptiModule module = TensorflowOptiModule.of("Adam", Map.of("clipnorm", 1.0));
        TensorflowOptiModule twin = TensorflowOptiModule.of("Adam", Map.of("clipnorm", 1.0));
        Vector own = random(DType.FLOAT32, 9, SHAPES);
        TensorflowVariables variables = module.allocateWeights(own.spec());
        Vector expected = random(DType.FLOAT32, 9, SHAPES);
        Vector gradients = random(DType.FLOAT32, 3, SHAPES)) {
      Vector params = home ? variables.vector() : own;
      params.assign(expected);
      module.stepInPlace(params, gradients, 0.1);
      twin.stepInPlace(expected, gradients, 0.1);
      assertThatThrownBy(() -> misuse.call().on(module, params, gradients))
          .isInstanceOfAny(
              IllegalArgumentException.class,
              IllegalStateException.class,
              UnsupportedOperationException.class)
          .message()
          .contains(misuse.text());
      assertThat(module.getConfig()).isEqualTo(twin.getConfig());
      assertThat(params.flatten()).isEqualTo(expected.flatten());
      for (int i = 0; i < 3; i++) {
        module.stepInPlace(params, gradients, 0.1);
        twin.stepInPlace(expected, gradients, 0.1);
      }
      assertThat(params.flatten()).isEqualTo(expected.flatten());
      assertThat(StateValues.of(module)).isEqualTo(StateValues.of(twin));
    }
  }

  /** A first step that fails leaves a module that takes other shapes. */
  @ParameterizedTest
  @ValueSource(strings = {"Adam", "Lamb", "Muon", "Ftrl"})
  void afterAResetOtherShapesAreFine(String name) {
    try (TensorflowOptiModule module = TensorflowOptiModule.of(name);
        TensorflowOptiModule fresh = TensorflowOptiModule.of(name);
        Vector first = random(DType.FLOAT32, 1, SHAPES);
        Vector other = random(DType.FLOAT64, 2, List.of(new long[] {2, 2, 2}, new long[] {}));
        Vector params = random(DType.FLOAT64, 3, List.of(new long[] {2, 2, 2}, new long[] {}));
        Vector expected = params.materialize()) {
      module.run(first, null);
      module.reset();
      for (int i = 0; i < 3; i++) {
        module.stepInPlace(params, other, 0.1);
        fresh.stepInPlace(expected, other, 0.1);
      }
      assertThat(params.flatten()).isEqualTo(expected.flatten());
      assertThat(StateValues.of(module)).isEqualTo(StateValues.of(fresh));
    }
  }

  /** Of two threads at once one is refused, before anything has changed. */
  @Test
  void threadsAtOnceAreRefusedOrTakeTurns() throws InterruptedException {
    List<long[]> shapes = List.of(new long[] {40_000}, new long[] {300, 50});
    try (TensorflowOptiModule module = TensorflowOptiModule.of("Adam");
        TensorflowOptiModule twin = TensorflowOptiModule.of("Adam");
        Vector gradients = random(DType.FLOAT32, 1, shapes);
        TensorflowVariables weights = module.allocateWeights(gradients.spec());
        Vector expected = random(DType.FLOAT32, 2, shapes)) {
      weights.vector().assign(expected);
      AtomicInteger steps = new AtomicInteger();
      AtomicInteger refused = new AtomicInteger();
      List<Throwable> others = new ArrayList<>();
      CountDownLatch start = new CountDownLatch(1);
      List<Thread> threads = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        Thread thread =
            new Thread(
                () -> {
                  try {
                    start.await();
                    for (int turn = 0; turn < 40; turn++) {
                      try {
                        module.stepInPlace(weights.vector(), gradients, 0.1);
                        steps.incrementAndGet();
                      } catch (ConcurrentUseException e) {
                        refused.incrementAndGet();
                      }
                    }
                  } catch (InterruptedException | RuntimeException | Error e) {
                    synchronized (others) {
                      others.add(e);
                    }
                  }
                });
        threads.add(thread);
        thread.start();
      }
      start.countDown();
      for (Thread thread : threads) {
        thread.join();
      }
      assertThat(others).isEmpty();
      assertThat(steps.get() + refused.get()).isEqualTo(120);
      assertThat(module.iterations()).isEqualTo(steps.get()).isPositive();
      for (int i = 0; i < steps.get(); i++) {
        twin.stepInPlace(expected, gradients, 0.1);
      }
      assertThat(weights.vector().flatten()).isEqualTo(expected.flatten());
    }
  }

  @Test
  void aClosedModuleRefusesEverything() {
    TensorflowOptiModule module = TensorflowOptiModule.of("Adam");
    try (Vector gradients = random(DType.FLOAT32, 1, SHAPES);
        Vector params = random(DType.FLOAT32, 2, SHAPES);
        State state = module.getState()) {
      double[] before = params.flatten();
      module.close();
      List<Runnable> calls =
          List.of(
              () -> module.run(gradients, null),
              () -> module.stepInPlace(params, gradients, 0.1),
              () -> module.finalizeWeights(params),
              module::getState,
              () -> module.setState(state),
              module::reset);
      for (Runnable call : calls) {
        assertThatThrownBy(call::run)
            .isInstanceOf(ClosedException.class)
            .hasMessageContaining("keras.optimizers.Adam");
      }
      assertThat(params.flatten()).isEqualTo(before);
    }
  }
}
