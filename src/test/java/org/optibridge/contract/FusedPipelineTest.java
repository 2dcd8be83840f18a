package org.optibridge.contract;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.optibridge.contract.Tensors.Layout;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.OptimizerBuilder;
import org.optibridge.optimizer.Regularizer;
import org.optibridge.optimizer.Stage;
import org.optibridge.optimizer.StateValues;
import org.optibridge.testing.NoLeaks;
import org.optibridge.vector.Vector;

/**
 * One sweep for the whole pipeline gives the same bits as one stage after the other, each stored in
 * memory of its own before the next.
 */
@ExtendWith(NoLeaks.class)
class FusedPipelineTest {
  private static final double RATE = 0.1;
  private static final double DECAY = 0.02;
  private static final int STEPS = 5;

  /** Regularizers and modules, in the order of the pipeline; prints as their configs. */
  record Pipeline(List<Example> regularizers, List<Example> modules, double decay) {
    Optimizer optimizer() {
      OptimizerBuilder builder = Optimizer.builder().learningRate(RATE).weightDecay(decay);
      regularizers.forEach(one -> builder.regularizer((Regularizer) one.make()));
      modules.forEach(one -> builder.module((OptiModule) one.make()));
      return builder.build();
    }
  }

  private static List<Example> of(Example.Kind kind) {
    return Examples.formulas().stream().filter(one -> one.kind() == kind).toList();
  }

  /** Every stage alone, and pipelines drawn at random. */
  static List<Pipeline> pipelines() {
    List<Example> regularizers = of(Example.Kind.REGULARIZER);
    List<Example> modules = of(Example.Kind.MODULE);
    List<Pipeline> all = new ArrayList<>();
    all.add(new Pipeline(List.of(), List.of(), DECAY));
    regularizers.forEach(one -> all.add(new Pipeline(List.of(one), List.of(), 0)));
    modules.forEach(one -> all.add(new Pipeline(List.of(), List.of(one), 0)));
    LongStream.range(0, 150)
        .forEach(
            seed -> {
              Random random = new Random(seed);
              all.add(
                  new Pipeline(
                      draw(random, regularizers, random.nextInt(3)),
                      draw(random, modules, 1 + random.nextInt(5)),
                      random.nextBoolean() ? DECAY : 0));
            });
    return all;
  }

  private static List<Example> draw(Random random, List<Example> from, int count) {
    List<Example> drawn = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      drawn.add(from.get(random.nextInt(from.size())));
    }
    return drawn;
  }

  @ParameterizedTest
  @MethodSource("pipelines")
  void fusedAndUnfusedGiveTheSameBits(Pipeline pipeline) {
    for (Layout layout : Layout.values()) {
      List<Stage> stages = new ArrayList<>();
      pipeline.regularizers().forEach(one -> stages.add(one.make()));
      pipeline.modules().forEach(one -> stages.add(one.make()));
      try (Optimizer optimizer = pipeline.optimizer();
          Vector fused = layout.vector(1);
          Vector unfused = layout.vector(1)) {
        for (int step = 0; step < STEPS; step++) {
          if (step == 3) {
            optimizer.startRound();
            stages.forEach(Stage::startRound);
          }
          try (Vector gradients = layout.vector(10 + step)) {
            boolean stepped = optimizer.step(fused, gradients);
            assertThat(oneByOne(stages, unfused, gradients, pipeline.decay())).isEqualTo(stepped);
          }
          assertThat(fused.flatten()).as("%s step %d", layout, step).isEqualTo(unfused.flatten());
        }
        states(optimizer, stages);
      } finally {
        stages.forEach(Stage::close);
      }
    }
  }

  /** A step without any recording: each formula is computed and stored before the next. */
  private static boolean oneByOne(
      List<Stage> stages, Vector params, Vector gradients, double decay) {
    Vector direction = gradients.materialize();
    try {
      for (Stage stage : stages) {
        Vector next =
            stage instanceof OptiModule module
                ? module.run(direction, params)
                : ((Regularizer) stage).run(direction, params);
        if (next == null) {
          return false;
        }
        Vector stored = next.materialize();
        direction.close();
        direction = stored;
      }
      try (Vector scaled = direction.times(-RATE).materialize();
          Vector decayed = params.times(decay).materialize();
          Vector updates =
              decay == 0 ? scaled.materialize() : scaled.minus(decayed).materialize()) {
        params.assign(params.plus(updates));
      }
    } finally {
      direction.close();
    }
    for (Stage stage : stages) {
      if (stage instanceof OptiModule module) {
        module.afterStep(params);
      }
    }
    return true;
  }

  private static void states(Optimizer optimizer, List<Stage> stages) {
    List<Object> one = new ArrayList<>(StateValues.of(optimizer).values());
    List<Object> other = new ArrayList<>();
    stages.forEach(stage -> other.addAll(StateValues.of(stage).values()));
    // Ids of clients differ; the optimizer has its rates' counts besides.
    one.removeIf(value -> !value.toString().startsWith("["));
    other.removeIf(value -> !value.toString().startsWith("["));
    assertThat(one).isEqualTo(other);
  }

  /** The same with tensors that several threads share. */
  @ParameterizedTest
  @MethodSource("largePipelines")
  void largeTensorsToo(Pipeline pipeline) {
    for (Layout layout : Layout.values()) {
      List<Stage> stages = new ArrayList<>();
      pipeline.regularizers().forEach(one -> stages.add(one.make()));
      pipeline.modules().forEach(one -> stages.add(one.make()));
      try (Optimizer optimizer = pipeline.optimizer();
          Vector gradients = layout.large(2);
          Vector fused = layout.large(1);
          Vector unfused = layout.large(1)) {
        for (int step = 0; step < 2; step++) {
          optimizer.step(fused, gradients);
          oneByOne(stages, unfused, gradients, pipeline.decay());
        }
        assertThat(Arrays.equals(fused.flatten(), unfused.flatten())).isTrue();
      } finally {
        stages.forEach(Stage::close);
      }
    }
  }

  static List<Pipeline> largePipelines() {
    List<Pipeline> all = pipelines();
    return all.subList(all.size() - 8, all.size());
  }
}
