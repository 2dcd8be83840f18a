package org.optibridge.torch;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.optibridge.modules.ClipByValue;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.State;
import org.optibridge.optimizer.StateValues;
import org.optibridge.optimizer.TensorFilter;
import org.optibridge.state.ConfigJson;
import org.optibridge.state.StateFormat;
import org.optibridge.testing.RequiresTorch;
import org.optibridge.vector.DType;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorSpec;

/** Options by group of tensors: each tensor moves as if its group were a module of its own. */
@RequiresTorch
class TorchGroupsTest {
  private static final int[] SMALL = {3, 65, 0, 1, 7};
  private static final int[] LARGE = {40_001, 30_000, 20_003, 70_001, 17_000};
  private static final double RATE = 0.02;

  private record Setup(
      String cls, Map<String, Object> own, Map<String, Object> first, Map<String, Object> second) {
    TorchOptiModule module(boolean fused) {
      TorchOptiModuleBuilder builder = TorchOptiModule.builder(cls).options(own);
      if (!fused && TorchOptimizers.get(cls).hasFusedKernel()) {
        builder.option("fused", false);
      }
      return builder
          .group(TensorFilter.including("w1", "w3"), first)
          .group(TensorFilter.including("w*").without("w0", "w2"), second)
          .build();
    }

    /** A module with just the options of the group that tensor i belongs to. */
    TorchOptiModule alone(int i, boolean fused) {
      Map<String, Object> options = new HashMap<>(own);
      options.putAll(group(i));
      options.remove("lr");
      if (!fused && TorchOptimizers.get(cls).hasFusedKernel()) {
        options.put("fused", false);
      }
      return TorchOptiModule.of(cls, options);
    }

    double rate(int i) {
      return group(i).get("lr") instanceof Number lr ? lr.doubleValue() : 1;
    }

    private Map<String, Object> group(int i) {
      return i == 1 || i == 3 ? first : i == 4 ? second : Map.of();
    }
  }

  private static final List<Setup> SETUPS =
      List.of(
          new Setup(
              "SGD",
              Map.of("weight_decay", 0.1),
              Map.of("momentum", 0.9, "dampening", 0.1),
              Map.of("lr", 0.5, "weight_decay", 0.0)),
          new Setup(
              "Adam",
              Map.of("amsgrad", true),
              Map.of("amsgrad", false, "lr", 0.1),
              Map.of("betas", List.of(0.5, 0.6), "weight_decay", 0.2)),
          new Setup(
              "AdamW", Map.of(), Map.of("weight_decay", 0.0), Map.of("amsgrad", true, "lr", 3.0)),
          new Setup("Adagrad", Map.of("lr_decay", 0.1), Map.of("eps", 1e-3), Map.of("lr", 0.0)),
          new Setup(
              "RMSprop",
              Map.of(),
              Map.of("momentum", 0.5),
              Map.of("centered", true, "weight_decay", 0.1)),
          new Setup("NAdam", Map.of(), Map.of("momentum_decay", 0.1), Map.of("lr", 0.2)),
          new Setup("ASGD", Map.of("t0", 1.0), Map.of("lambd", 0.1), Map.of("lr", 2.0)),
          new Setup("Rprop", Map.of(), Map.of("etas", List.of(0.4, 1.5)), Map.of("lr", 0.5)),
          new Setup("Adafactor", Map.of(), Map.of("d", 2.0), Map.of("weight_decay", 0.1)));

  static Stream<Arguments> setups() {
    return SETUPS.stream()
        .flatMap(
            setup ->
                Stream.of(DType.FLOAT32, DType.FLOAT64)
                    .flatMap(
                        dtype ->
                            Stream.of(true, false)
                                .filter(fused -> fused || isFusable(setup))
                                .map(fused -> Arguments.of(setup, dtype, fused))));
  }

  private static boolean isFusable(Setup setup) {
    return TorchOptimizers.get(setup.cls()).hasFusedKernel();
  }

  private static VectorSpec only(Vector vector, int i) {
    return new VectorSpec(List.of(vector.spec().tensors().get(i)));
  }

  @ParameterizedTest
  @MethodSource("setups")
  void inPlaceEachTensorMovesWithItsGroup(Setup setup, DType dtype, boolean fused) {
    List<TorchOptiModule> alone = new ArrayList<>();
    try (TorchOptiModule module = setup.module(fused);
        Vector params = TorchFixtures.random(dtype, 1, SMALL);
        Vector expected = params.materialize()) {
      for (int i = 0; i < SMALL.length; i++) {
        alone.add(setup.alone(i, fused));
      }
      for (int step = 0; step < 5; step++) {
        try (Vector gradients = TorchFixtures.random(dtype, 10 + step, SMALL)) {
          module.stepInPlace(params, gradients, RATE);
          for (int i = 0; i < SMALL.length; i++) {
            try (Vector one = expected.select(only(expected, i));
                Vector gradient = gradients.select(only(gradients, i))) {
              alone.get(i).stepInPlace(one, gradient, RATE * setup.rate(i));
            }
          }
        }
        assertThat(params.flatten()).isEqualTo(expected.flatten());
      }
    } finally {
      alone.forEach(TorchOptiModule::close);
    }
  }

  @ParameterizedTest
  @MethodSource("setups")
  void directionsAreThoseOfTheGroups(Setup setup, DType dtype, boolean fused) {
    if (List.of("ASGD", "Rprop", "Adafactor").contains(setup.cls())) {
      return; // there the share of the rate is no factor; replays compare it with PyTorch
    }
    List<TorchOptiModule> alone = new ArrayList<>();
    try (TorchOptiModule module = setup.module(fused);
        Vector params = TorchFixtures.random(dtype, 1, SMALL)) {
      for (int i = 0; i < SMALL.length; i++) {
        alone.add(setup.alone(i, fused));
      }
      for (int step = 0; step < 4; step++) {
        try (Vector gradients = TorchFixtures.random(dtype, 10 + step, SMALL);
            Vector direction = module.run(gradients, params).materialize()) {
          for (int i = 0; i < SMALL.length; i++) {
            try (Vector one = params.select(only(params, i));
                Vector gradient = gradients.select(only(gradients, i));
                Vector wanted =
                    alone.get(i).run(gradient, one).times(setup.rate(i)).materialize()) {
              double[] actual = direction.toDoubles("w" + i);
              double[] values = wanted.flatten();
              for (int j = 0; j < values.length; j++) {
                assertThat(actual[j])
                    .isCloseTo(values[j], TorchFixtures.near(dtype, 1 + Math.abs(values[j])));
              }
            }
          }
        }
      }
    } finally {
      alone.forEach(TorchOptiModule::close);
    }
  }

  /** Large tensors behind another stage are stepped in blocks; small ones whole. */
  @ParameterizedTest
  @MethodSource("setups")
  void blocksEqualWholeTensors(Setup setup, DType dtype, boolean fused) {
    if (!isFusable(setup) || !fused) {
      return;
    }
    for (double decay : new double[] {0, 0.01}) {
      try (Optimizer blocks = pipeline(setup.module(true), decay);
          Optimizer whole = pipeline(setup.module(false), decay);
          Vector params = TorchFixtures.random(dtype, 1, LARGE);
          Vector expected = params.materialize()) {
        for (int step = 0; step < 3; step++) {
          try (Vector gradients = TorchFixtures.random(dtype, 10 + step, LARGE)) {
            blocks.step(params, gradients);
            whole.step(expected, gradients);
          }
        }
        try (Vector gap = params.minus(expected).abs().materialize()) {
          assertThat(gap.norm().value()).isLessThan(dtype == DType.FLOAT32 ? 1e-4 : 1e-12);
          assertThat(expected.norm().value()).isGreaterThan(1);
        }
      }
    }
  }

  private static Optimizer pipeline(TorchOptiModule module, double decay) {
    return Optimizer.builder()
        .learningRate(RATE)
        .weightDecay(decay)
        .module(new ClipByValue(0.7))
        .module(module)
        .build();
  }

  @ParameterizedTest
  @MethodSource("setups")
  void configAndStateMoveIntoAFreshModule(Setup setup, DType dtype, boolean fused) {
    try (TorchOptiModule first = setup.module(fused);
        Vector one = TorchFixtures.random(dtype, 1, SMALL);
        Vector gradients = TorchFixtures.random(dtype, 2, SMALL)) {
      first.stepInPlace(one, gradients, RATE);
      Map<String, Object> config = ConfigJson.read(ConfigJson.write(first.getConfig()));
      try (TorchOptiModule second = TorchOptiModule.fromConfig(config);
          Vector two = one.materialize();
          State state = first.getState();
          State travelled = StateFormat.read(StateFormat.write(state))) {
        assertThat(second.getConfig()).isEqualTo(first.getConfig());
        assertThat(second.isFused()).isEqualTo(first.isFused());
        second.setState(travelled);
        assertThat(StateValues.of(second)).isEqualTo(StateValues.of(first));
        for (int step = 0; step < 3; step++) {
          first.stepInPlace(one, gradients, RATE);
          second.stepInPlace(two, gradients, RATE);
        }
        assertThat(two.flatten()).isEqualTo(one.flatten());
      }
    }
  }

  @Test
  void tensorsHaveOnlyTheSlotsOfTheirGroup() {
    try (TorchOptiModule module = SETUPS.get(0).module(true);
        Vector params = TorchFixtures.random(DType.FLOAT32, 1, SMALL);
        Vector gradients = TorchFixtures.random(DType.FLOAT32, 2, SMALL)) {
      module.stepInPlace(params, gradients, 0.1);
      try (State state = module.getState()) {
        assertThat(state.vector("state").spec().names())
            .containsExactly("1.momentum_buffer", "3.momentum_buffer");
      }
    }
  }
}
