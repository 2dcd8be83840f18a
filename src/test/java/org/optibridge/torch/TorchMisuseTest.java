package org.optibridge.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.optibridge.optimizer.State;
import org.optibridge.optimizer.StateValues;
import org.optibridge.optimizer.TensorFilter;
import org.optibridge.testing.RequiresTorch;
import org.optibridge.vector.DType;
import org.optibridge.vector.Vector;

/**
 * What can be done wrong with a module that trains already: each call is refused with a message
 * that says what is wrong, and the module steps on, bit for bit, as one that was left in peace.
 */
@RequiresTorch
class TorchMisuseTest {
  private static final List<long[]> SHAPES = List.of(new long[] {3, 4}, new long[] {65});

  private interface Call {
    void on(TorchOptiModule module, Vector params, Vector gradients);
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

  /** Made, or given to a module that is there: both have to say the same. */
  private static Stream<Misuse> option(String key, Object value, String text) {
    return option("Adam", key, value, text);
  }

  private static Stream<Misuse> option(String cls, String key, Object value, String text) {
    Map<String, Object> kwargs = new HashMap<>();
    kwargs.put(key, value);
    TensorFilter all = TensorFilter.all();
    Misuse made =
        misuse(cls + " " + kwargs, text, (m, p, g) -> TorchOptiModule.of(cls, kwargs).close());
    Misuse grouped =
        misuse(
            cls + " with a group of " + kwargs,
            text,
            (m, p, g) -> TorchOptiModule.builder(cls).group(all, kwargs).build().close());
    Stream<Misuse> both = key.equals("lr") ? Stream.of(made) : Stream.of(made, grouped);
    return cls.equals("Adam")
        ? Stream.concat(
            both, Stream.of(misuse("set " + kwargs, text, (m, p, g) -> m.setOptions(kwargs))))
        : both;
  }

  private static Misuse name(String name, String text) {
    return misuse(name, text, (m, p, g) -> TorchOptiModule.of(name).close());
  }

  private static Misuse config(String text, Object groups) {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("optim_cls", "torch.optim.SGD");
    config.put("groups", groups);
    return misuse("groups " + groups, text, (m, p, g) -> TorchOptiModule.fromConfig(config));
  }

  private static Misuse operands(String what, String text, Vector other) {
    return misuse(
        what,
        text,
        (module, params, gradients) -> {
          try (other) {
            module.stepInPlace(params, other, 0.1);
          }
        });
  }

  static List<Misuse> table() {
    Stream<Misuse> options =
        Stream.of(
                option("momentun", 0.9, "has no option 'momentun'"),
                option("weigth_decay", 0.1, "did you mean 'weight_decay'"),
                option("eps", "small", "'eps' must be a finite number >= 0, not small"),
                option("eps", -1e-8, "'eps' must be"),
                option("eps", Double.NaN, "'eps' must be"),
                option("betas", 0.9, "'betas' must be a list of two"),
                option("betas", List.of(0.9), "'betas' must be"),
                option("betas", List.of(1.0, 0.9), "[0, 1)"),
                option("betas", List.of(0.9, -0.1), "[0, 1)"),
                option("betas", Arrays.asList(0.9, null), "'betas' must be"),
                option("amsgrad", "yes", "'amsgrad' must be true or false"),
                option("weight_decay", -0.1, "'weight_decay' must be"),
                option("weight_decay", Double.POSITIVE_INFINITY, "'weight_decay' must be"),
                option("lr", 0.1, "set on the pipeline"),
                option("capturable", true, "CUDA graphs"),
                option("SGD", "momentum", -0.5, "'momentum' must be"),
                option("SGD", "nesterov", true, "'nesterov' needs a momentum"),
                option("Adadelta", "rho", 1.1, "[0, 1]"),
                option("Rprop", "etas", List.of(1.0, 1.2), "(0, 1), then > 1"),
                option("Adafactor", "d", 0.5, ">= 1"),
                option("Adafactor", "beta2_decay", 0.1, "<= 0"),
                option("Muon", "ns_steps", 100, "[0, 100)"),
                option("Muon", "adjust_lr_fn", "other", "one of"),
                option("RMSprop", "alpha", -0.1, ">= 0"),
                option("Adagrad", "lr_decay", -1, ">= 0"))
            .flatMap(one -> one);
    Stream<Misuse> others =
        Stream.of(
            name("Adamm", "did you mean 'Adam'"),
            name("torch.optim.AdamV", "did you mean 'Adam"),
            name("adagrad", "did you mean 'Adagrad'"),
            name("Everything", "Known: [SGD"),
            config("must be a list", Map.of()),
            config("group 0 of a torch-optim config must be an object", List.of("*.bias")),
            config("unknown entry 'names'", List.of(Map.of("names", List.of("w0")))),
            config("'include' must be a list", List.of(Map.of("include", "w0"))),
            config("'kwargs' must be an object", List.of(Map.of("kwargs", 1))),
            config("'lr' of a group", List.of(Map.of("kwargs", Map.of("lr", -1)))),
            config("'lr' of a group", List.of(Map.of("kwargs", Map.of("lr", "0.1")))),
            config(
                "'fused' is one for the whole", List.of(Map.of("kwargs", Map.of("fused", true)))),
            config("in group 1", List.of(Map.of(), Map.of("kwargs", Map.of("eps", 1)))),
            misuse("no group", "has no group 1; it has 1", (m, p, g) -> m.setOptions(1, Map.of())),
            misuse("group -1", "has no group -1", (m, p, g) -> m.setOptions(-1, Map.of())),
            misuse(
                "lr of group", "'lr' of a group", (m, p, g) -> m.setOptions(0, Map.of("lr", -1))),
            misuse("fused", "can't be changed", (m, p, g) -> m.setOptions(Map.of("fused", false))),
            misuse(
                "amsgrad in mid-run",
                "'max_exp_avg_sq'",
                (m, p, g) -> m.setOptions(Map.of("amsgrad", true))),
            misuse(
                "amsgrad of a group in mid-run",
                "the state of 'w1'",
                (m, p, g) -> m.setOptions(0, Map.of("amsgrad", true))),
            misuse("rate", "must be >= 0", (m, p, g) -> m.stepInPlace(p, g, -0.1)),
            misuse(
                "rate NaN", "learning rate is NaN", (m, p, g) -> m.stepInPlace(p, g, Double.NaN)),
            misuse(
                "expression", "is an expression", (m, p, g) -> m.stepInPlace(p.times(1), g, 0.1)),
            misuse(
                "state of another class",
                "torch.optim.AdamW",
                (m, p, g) -> load(m, TorchOptiModule.of("AdamW"), g)),
            misuse(
                "state of other groups",
                "1 groups of parameters, this module 2",
                (m, p, g) -> load(m, TorchOptiModule.of("Adam"), g)),
            misuse("state empty", "optim_cls", (m, p, g) -> m.setState(new State())),
            operands(
                "shape",
                "float32[65]",
                random(DType.FLOAT32, List.of(new long[] {3, 4}, new long[] {64}))),
            operands("dtype", "float64", random(DType.FLOAT64, SHAPES)),
            operands(
                "names", "'other'", Vector.builder().allocate("other", DType.FLOAT32, 3).build()),
            misuse(
                "fewer gradients without weights",
                "lack 'w1'",
                (m, p, g) -> {
                  try (Vector one = random(DType.FLOAT32, SHAPES.subList(0, 1))) {
                    m.run(one, null);
                  }
                }));
    return Stream.concat(options, others).toList();
  }

  private static Vector random(DType dtype, List<long[]> shapes) {
    return TorchFixtures.random(dtype, 9, shapes);
  }

  private static void load(TorchOptiModule module, TorchOptiModule from, Vector gradients) {
    try (TorchOptiModule other = from) {
      other.run(gradients, null);
      try (State state = other.getState()) {
        module.setState(state);
      }
    }
  }

  private static TorchOptiModule adam() {
    return TorchOptiModule.builder("Adam")
        .group(TensorFilter.including("w1"), Map.of("lr", 0.5))
        .build();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("table")
  void isRefusedAndChangesNothing(Misuse misuse) {
    try (TorchOptiModule module = adam();
        TorchOptiModule twin = adam();
        Vector params = random(DType.FLOAT32, SHAPES);
        Vector expected = random(DType.FLOAT32, SHAPES);
        Vector gradients = TorchFixtures.random(DType.FLOAT32, 3, SHAPES)) {
      module.stepInPlace(params, gradients, 0.1);
      twin.stepInPlace(expected, gradients, 0.1);
      assertThatThrownBy(() -> misuse.call().on(module, params, gradients))
          .isInstanceOfAny(IllegalArgumentException.class, IllegalStateException.class)
          .message()
          .contains(misuse.text());
      assertThat(module.getConfig()).isEqualTo(twin.getConfig());
      for (int i = 0; i < 3; i++) {
        module.stepInPlace(params, gradients, 0.1);
        twin.stepInPlace(expected, gradients, 0.1);
      }
      assertThat(params.flatten()).isEqualTo(expected.flatten());
      assertThat(StateValues.of(module)).isEqualTo(StateValues.of(twin));
    }
  }
}
