package org.optibridge.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.optibridge.memory.CoreLibrary;
import org.optibridge.memory.NativeMemory;
import org.optibridge.modules.Adam;
import org.optibridge.modules.L2GlobalClipping;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.OptimizerBuilder;
import org.optibridge.regularizers.FedProx;
import org.optibridge.testing.RequiresTorch;
import org.optibridge.torch.TorchLibrary;
import org.optibridge.torch.TorchOptimizerSpec;
import org.optibridge.torch.TorchOptimizers;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorSpec;

/** Items as they are measured, on small models. */
@RequiresTorch
class BenchRunTest {
  private final Threads alone = Threads.use(1);

  @AfterEach
  void restoreThreads() {
    alone.close();
  }

  private static TimedItem item(VectorSpec model, List<Recipe> recipes) {
    return new TimedItem("tiny", model, 3, () -> recipes, Duration.ofMillis(5));
  }

  private static JsonNode json(Figure figure) {
    ObjectMapper mapper = new ObjectMapper();
    try {
      return mapper.readTree(mapper.writeValueAsString(figure.toMap()));
    } catch (JsonProcessingException e) {
      throw new AssertionError(e);
    }
  }

  private static List<Timing> run(VectorSpec model, List<Recipe> recipes) {
    long live = NativeMemory.liveBytes();
    List<Timing> timings = item(model, recipes).run(3);
    assertThat(NativeMemory.liveBytes()).isEqualTo(live);
    assertThat(timings)
        .extracting(Timing::contestant)
        .isEqualTo(recipes.stream().map(Recipe::name).toList());
    for (Timing timing : timings) {
      assertThat(timing.minMs()).isPositive().isLessThanOrEqualTo(timing.medianMs());
      assertThat(timing.ratios())
          .hasSize(recipes.size() - 1)
          .doesNotContainKey(timing.contestant());
      timing
          .ratios()
          .forEach(
              (other, ratio) ->
                  assertThat(ratio).isEqualTo(timing.medianMs() / find(timings, other).medianMs()));
    }
    return timings;
  }

  private static Timing find(List<Timing> timings, String contestant) {
    return timings.stream()
        .filter(t -> t.contestant().equals(contestant))
        .findFirst()
        .orElseThrow();
  }

  @ParameterizedTest
  @ValueSource(strings = {"Adam", "AdamW"})
  void adam(String name) {
    BenchOptimizer optimizer = name.equals("Adam") ? BenchOptimizer.ADAM : BenchOptimizer.ADAMW;
    JsonNode json = json(run(Models.single(1000), OptimizerContestants.of(optimizer)).get(0));
    assertThat(json.get("item").asText()).isEqualTo("tiny");
    assertThat(json.get("contestant").asText()).isEqualTo("optibridge");
    assertThat(json.get("n").asLong()).isEqualTo(1000);
    assertThat(json.get("ratios").fieldNames())
        .toIterable()
        .containsExactlyElementsOf(
            name.equals("Adam")
                ? List.of("optibridge-core", "libtorch-plain", "libtorch-fused", "floor")
                : List.of("libtorch-plain", "libtorch-fused", "floor"));
    assertThat(json.has("us_per_tensor")).isFalse();
  }

  /** All agree on the weights, whatever the optimizer's options and state are. */
  @ParameterizedTest
  @MethodSource("optimizers")
  void anyOptimizer(BenchOptimizer optimizer) {
    List<Timing> timings = run(Models.matrices(3, 37, 20), OptimizerContestants.of(optimizer));
    assertThat(timings).extracting(Timing::contestant).contains("optibridge", "libtorch-plain");
  }

  static List<BenchOptimizer> optimizers() {
    List<BenchOptimizer> all = new ArrayList<>();
    for (TorchOptimizerSpec spec : TorchOptimizers.all()) {
      if (spec.takesSparseOnly()) {
        continue;
      }
      all.add(new BenchOptimizer(spec.name(), spec.qualifiedName(), Map.of(), 0.01));
    }
    Map<String, Object> momentum = Map.of("momentum", 0.9, "nesterov", true);
    all.add(new BenchOptimizer("SGD with momentum", "SGD", momentum, 0.01));
    all.add(new BenchOptimizer("AMSGrad", "Adam", Map.of("amsgrad", true), 0.01));
    all.add(new BenchOptimizer("plain Adagrad", "Adagrad", Map.of("fused", false), 0.01));
    return all;
  }

  @Test
  void manyTensors() {
    List<Recipe> recipes = OptimizerContestants.of(BenchOptimizer.ADAM);
    Timing timing = run(Models.matrices(20, 10, 10), recipes).get(0);
    JsonNode json = json(timing);
    assertThat(json.get("tensors").asInt()).isEqualTo(20);
    assertThat(json.get("us_per_tensor").asDouble()).isEqualTo(1e3 * timing.medianMs() / 20);
  }

  /** Pieces, threads and what remains of a tensor. */
  @ParameterizedTest
  @ValueSource(longs = {1000, 32_768, 300_001})
  void pipeline(long elements) {
    run(Models.single(elements), PipelineContestants.all());
  }

  @Test
  void pipelineOfManyTensors() {
    run(Models.matrices(7, 40_001, 1), PipelineContestants.all());
  }

  // ---- agreement -------------------------------------------------------------------------------

  private static Recipe wrong(OptimizerBuilder builder) {
    return Recipe.computing(
        "wrong", 5, contestant -> contestant.stepOf(builder.learningRate(Contestant.RATE).build()));
  }

  private static void caught(OptimizerBuilder builder) {
    long live = NativeMemory.liveBytes();
    List<Recipe> recipes = new ArrayList<>(PipelineContestants.all());
    recipes.add(3, wrong(builder));
    assertThatThrownBy(() -> item(Models.matrices(3, 1000, 100), recipes).run(1))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("the weights of optibridge and wrong differ by up to");
    assertThat(NativeMemory.liveBytes()).isEqualTo(live);
  }

  private static Adam adam() {
    return new Adam(0.9, 0.999, false, 1e-8, false);
  }

  @Test
  void missingRegularizerIsCaught() {
    caught(Optimizer.builder().weightDecay(0.01).module(new L2GlobalClipping(1)).module(adam()));
  }

  @Test
  void missingClippingIsCaught() {
    caught(Optimizer.builder().weightDecay(0.01).regularizer(new FedProx(0.01)).module(adam()));
  }

  @Test
  void missingDecayIsCaught() {
    caught(
        Optimizer.builder()
            .regularizer(new FedProx(0.01))
            .module(new L2GlobalClipping(1))
            .module(adam()));
  }

  @Test
  void otherMomentsAreCaught() {
    caught(
        Optimizer.builder()
            .weightDecay(0.01)
            .regularizer(new FedProx(0.01))
            .module(new L2GlobalClipping(1))
            .module(new Adam(0.9, 0.99, false, 1e-8, false)));
  }

  @Test
  void oneWrongElementIsCaught() {
    List<Recipe> recipes = new ArrayList<>(OptimizerContestants.of(BenchOptimizer.ADAM));
    recipes.add(
        Recipe.computing(
            "wrong",
            4,
            contestant -> {
              Runnable right = recipes.get(0).setUp().stepOf(contestant);
              Vector params = contestant.params();
              return () -> {
                right.run();
                params.floatBuffer("w").put(999, Float.NaN);
              };
            }));
    assertThatThrownBy(() -> item(Models.single(1000), recipes).run(1))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("wrong differ by up to NaN");
  }

  // ---- memory ----------------------------------------------------------------------------------

  @Test
  void memory() {
    int n = 4_000_000;
    List<Footprint> footprints = new MemoryItem("tiny", Models.single(n), null).run(1);
    assertThat(footprints)
        .extracting(Footprint::contestant)
        .containsExactly("adam", "adam-core", "pipeline", "pipeline-torch");
    // Two moments; the pipeline's FedProx keeps a reference.
    assertThat(footprints.get(0).nativeBytes()).isBetween(8.0, 8.01);
    assertThat(footprints.get(1).nativeBytes()).isBetween(8.0, 8.01);
    assertThat(footprints.get(2).nativeBytes()).isBetween(12.0, 12.01);
    assertThat(footprints.get(3).nativeBytes()).isBetween(12.0, 12.01);
    for (Footprint footprint : footprints) {
      footprint
          .residentBytes()
          .ifPresent(bytes -> assertThat(bytes).isGreaterThan(0.9 * footprint.nativeBytes()));
      JsonNode json = json(footprint);
      assertThat(json.get("n").asInt()).isEqualTo(n);
      assertThat(json.get("native_bytes_per_parameter").asDouble())
          .isEqualTo(footprint.nativeBytes());
    }
  }

  @Test
  void memoryOfOneOptimizer() {
    BenchOptimizer sgd = new BenchOptimizer("SGD", "SGD", Map.of("momentum", 0.9), 0.01);
    List<Footprint> footprints = new MemoryItem("tiny", Models.matrix(1000, 4000), sgd).run(1);
    assertThat(footprints).hasSize(1);
    assertThat(footprints.get(0).nativeBytes()).isBetween(4.0, 4.01);
  }

  // ---- threads ---------------------------------------------------------------------------------

  @Test
  void threadsAreTheSameForAllAndPutBack() {
    int core = CoreLibrary.ob_threads();
    int torch = TorchLibrary.ob_torch_threads();
    try (Threads threads = Threads.use(3)) {
      assertThat(threads).isNotNull();
      assertThat(CoreLibrary.ob_threads()).isEqualTo(3);
      assertThat(TorchLibrary.ob_torch_threads()).isEqualTo(3);
      run(Models.single(300_001), PipelineContestants.all());
    }
    assertThat(CoreLibrary.ob_threads()).isEqualTo(core);
    assertThat(TorchLibrary.ob_torch_threads()).isEqualTo(torch);
  }
}
