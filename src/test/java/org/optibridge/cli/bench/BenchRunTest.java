package org.optibridge.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.optibridge.memory.CoreLibrary;
import org.optibridge.memory.NativeMemory;
import org.optibridge.modules.Adam;
import org.optibridge.modules.L2GlobalClipping;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.OptimizerBuilder;
import org.optibridge.regularizers.FedProx;
import org.optibridge.torch.TorchLibrary;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorSpec;

/** Items as they are measured, on small models. */
class BenchRunTest {
  private final Threads alone = Threads.use(1);

  @AfterEach
  void restoreThreads() {
    alone.close();
  }

  private static TimedItem item(VectorSpec model, List<Recipe> recipes) {
    return new TimedItem("tiny", model, 3, recipes, Duration.ofMillis(5));
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
  void adam(String optimizer) {
    JsonNode json = json(run(Models.single(1000), AdamContestants.of(optimizer)).get(0));
    assertThat(json.get("item").asText()).isEqualTo("tiny");
    assertThat(json.get("contestant").asText()).isEqualTo("optibridge");
    assertThat(json.get("n").asLong()).isEqualTo(1000);
    assertThat(json.get("ratios").fieldNames())
        .toIterable()
        .containsExactly("unfused", "libtorch-fused", "floor");
    assertThat(json.has("us_per_tensor")).isFalse();
  }

  @Test
  void manyTensors() {
    Timing timing = run(Models.many(20, 100), AdamContestants.manyTensors()).get(0);
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
    run(Models.many(7, 40_001), PipelineContestants.all());
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
    assertThatThrownBy(() -> item(Models.many(3, 100_000), recipes).run(1))
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
    List<Recipe> recipes = new ArrayList<>(AdamContestants.of("Adam"));
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
    List<Footprint> footprints = new MemoryItem("tiny", Models.single(n)).run(1);
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
