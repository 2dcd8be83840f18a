package org.optibridge.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.optibridge.memory.NativeMemory;
import org.optibridge.optimizer.State;
import org.optibridge.testing.NoLeaks;
import org.optibridge.testing.RequiresTorch;
import org.optibridge.vector.DType;
import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorBuilder;

/** The layout of a module's state, which is that of Python's state_dict, and what it refuses. */
@RequiresTorch
@ExtendWith(NoLeaks.class)
class TorchStateDictTest {
  private static Vector two(DType dtype, long seed) {
    return TorchFixtures.random(dtype, seed, List.of(new long[] {3, 2}, new long[] {4}));
  }

  private static TorchOptiModule stepped(String cls, Map<String, Object> kwargs, DType dtype) {
    TorchOptiModule module = TorchOptiModule.of(cls, kwargs);
    try (Vector params = two(dtype, 1);
        Vector gradients = two(dtype, 2)) {
      module.stepInPlace(params, gradients, 0.125);
      module.stepInPlace(params, gradients, 0.125);
    }
    return module;
  }

  /** As torch 2.10 writes the group; whole numbers are equal to theirs. */
  @Test
  void groupsHaveAllOptionsOfPython() {
    Map<String, Object> adamw = new LinkedHashMap<>();
    adamw.put("lr", 0.125);
    adamw.put("betas", List.of(0.8, 0.999));
    adamw.put("eps", 1e-8);
    adamw.put("weight_decay", 0.01);
    adamw.put("amsgrad", true);
    adamw.put("maximize", false);
    adamw.put("foreach", null);
    adamw.put("capturable", false);
    adamw.put("differentiable", false);
    adamw.put("fused", null);
    adamw.put("decoupled_weight_decay", true);
    adamw.put("params", List.of(0L, 1L));
    Map<String, Object> kwargs = Map.of("amsgrad", true, "betas", List.of(0.8, 0.999));
    try (TorchOptiModule module = stepped("AdamW", kwargs, DType.FLOAT64);
        State state = module.getState()) {
      assertThat(state.keys()).containsExactly("optim_cls", "param_groups", "params", "state");
      assertThat(state.text("optim_cls")).isEqualTo("torch.optim.AdamW");
      assertThat(state.list("param_groups")).isEqualTo(List.of(adamw));
      assertThat(state.spec("params").names()).containsExactly("w0", "w1");
      Vector entries = state.vector("state");
      assertThat(entries.spec().names())
          .containsExactly(
              "0.step",
              "0.exp_avg",
              "0.exp_avg_sq",
              "0.max_exp_avg_sq",
              "1.step",
              "1.exp_avg",
              "1.exp_avg_sq",
              "1.max_exp_avg_sq");
      assertThat(entries.toFloats("1.step")).containsExactly(2);
      assertThat(entries.spec().get("0.exp_avg"))
          .isEqualTo(
              new TensorSpec(
                  "0.exp_avg", DType.FLOAT64, state.spec("params").get("w0").device(), 3, 2));
    }
  }

  @Test
  void adafactorsGroupHasNone() {
    try (TorchOptiModule module = TorchOptiModule.of("Adafactor");
        State state = module.getState()) {
      assertThat(state.keys()).containsExactly("optim_cls", "param_groups");
      Map<?, ?> group = (Map<?, ?>) state.list("param_groups").get(0);
      assertThat(group.get("eps")).isEqualTo(Arrays.asList(null, 1e-3));
      assertThat(group.keySet().stream().map(String::valueOf))
          .containsExactlyInAnyOrder(
              "lr", "beta2_decay", "eps", "d", "weight_decay", "foreach", "maximize", "params");
      assertThat(group.get("params")).isEqualTo(List.of());
    }
  }

  /** Python's SGD and Muon count no steps; SGD without momentum keeps nothing at all. */
  @Test
  void noEntryThatPythonLacks() {
    try (TorchOptiModule plain = stepped("SGD", Map.of(), DType.FLOAT32);
        TorchOptiModule momentum = stepped("SGD", Map.of("momentum", 0.5), DType.FLOAT32);
        State nothing = plain.getState();
        State buffers = momentum.getState()) {
      assertThat(nothing.keys()).containsExactly("optim_cls", "param_groups", "params");
      assertThat(buffers.vector("state").spec().names())
          .containsExactly("0.momentum_buffer", "1.momentum_buffer");
    }
  }

  /** A state of Adam with other entries, each copied or left out by its name. */
  private interface Edit {
    void apply(VectorBuilder builder, Vector entries, TensorSpec tensor);
  }

  private static void refused(Edit edit, String... texts) {
    try (TorchOptiModule module = stepped("Adam", Map.of(), DType.FLOAT32)) {
      State state = module.getState();
      double[] before = state.vector("state").flatten();
      VectorBuilder builder = Vector.builder();
      Vector entries = state.vector("state");
      entries.spec().tensors().forEach(tensor -> edit.apply(builder, entries, tensor));
      state.put("state", builder.build());
      entries.close();
      assertRefused(module, state, texts);
      try (State after = module.getState()) {
        assertThat(after.vector("state").flatten()).isEqualTo(before);
      }
    }
  }

  /** Checks and closes. */
  private static void assertRefused(TorchOptiModule module, State state, String... texts) {
    try (state) {
      assertThatThrownBy(() -> module.setState(state))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContainingAll(texts);
    }
  }

  private static void keep(VectorBuilder builder, Vector entries, TensorSpec tensor) {
    TorchFixtures.add(builder, tensor.name(), entries, tensor);
  }

  private static Edit renamed(String from, String to) {
    return (builder, entries, tensor) ->
        TorchFixtures.add(
            builder, tensor.name().equals(from) ? to : tensor.name(), entries, tensor);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "2.exp_avg",
        "00.exp_avg",
        "-1.exp_avg",
        "exp_avg",
        "0",
        "0.",
        "0.max_exp_avg_sq",
        "999999999999.exp_avg",
        "0.EXP_AVG",
        "0.exp_avg\n"
      })
  void entriesOfOtherNamesAreRefused(String name) {
    refused(renamed("0.exp_avg", name), name.strip(), "[step, exp_avg, exp_avg_sq]");
  }

  @Test
  void incompleteEntriesAreRefused() {
    refused(
        (builder, entries, tensor) -> {
          if (!tensor.name().equals("1.exp_avg_sq")) {
            keep(builder, entries, tensor);
          }
        },
        "'w1'",
        "[step, exp_avg]",
        "[step, exp_avg, exp_avg_sq]");
  }

  private static void refusedStep(double[] count, long... shape) {
    refused(
        (builder, entries, tensor) -> {
          if (tensor.name().equals("0.step")) {
            builder.copy("0.step", count, shape);
          } else {
            keep(builder, entries, tensor);
          }
        },
        "'0.step'");
  }

  @Test
  void whatIsNoCountIsRefused() {
    for (double count : new double[] {-1, 0.5, Double.NaN, Double.POSITIVE_INFINITY}) {
      refusedStep(new double[] {count});
    }
    refusedStep(new double[] {1, 1}, 2);
    refusedStep(new double[] {1}, 1);
  }

  @Test
  void otherDtypesAndShapesAreRefused() {
    refused(
        (builder, entries, tensor) -> {
          if (tensor.name().equals("1.exp_avg")) {
            builder.allocate("1.exp_avg", DType.FLOAT64, 4);
          } else {
            keep(builder, entries, tensor);
          }
        },
        "'1.exp_avg' float64[4]",
        "'w1' float32[4]",
        "must be float32[4]");
  }

  private static State withGroups(State state, Object... groups) {
    return state.put("param_groups", List.of(groups));
  }

  @Test
  void groupsThatDontFitAreRefused() {
    try (TorchOptiModule adam = stepped("Adam", Map.of(), DType.FLOAT32)) {
      List<Object> both = List.of(0, 1);
      assertRefused(adam, withGroups(adam.getState()), "0 groups");
      assertRefused(adam, withGroups(adam.getState(), 1), "param_groups[0] is no object");
      assertRefused(adam, withGroups(adam.getState(), Map.of("lr", 1)), "'params' must be");
      assertRefused(adam, withGroups(adam.getState(), Map.of("params", both)), "'lr' must be");
      Map<String, Object> good = Map.of("lr", 1, "params", both);
      assertRefused(adam, withGroups(adam.getState(), good, good), "2 groups");
      for (List<Object> wrong :
          List.of(List.<Object>of(0), List.<Object>of(0, 2), List.<Object>of(0, 1, 1))) {
        Map<String, Object> group = Map.of("lr", 1, "params", wrong);
        assertRefused(adam, withGroups(adam.getState(), group), wrong.toString(), "[0, 1]");
      }
      for (Object wrong : List.of(-1, 0.0, "0", 1L << 40)) {
        Map<String, Object> group = Map.of("lr", 1, "params", List.of(wrong, 1));
        assertRefused(adam, withGroups(adam.getState(), group), "whole numbers");
      }
      Map<String, Object> betas = Map.of("lr", 1, "params", both, "betas", List.of(0.9));
      assertRefused(adam, withGroups(adam.getState(), betas), "param_groups[0]", "'betas'");
      try (State fits = withGroups(adam.getState(), good)) {
        adam.setState(fits);
      }
    }
  }

  /** Python's load_state_dict casts scalars, but for the count, to the parameter's dtype. */
  @Test
  void scalarsOfTheOtherDtypeAreCast() {
    try (TorchOptiModule nadam = stepped("NAdam", Map.of(), DType.FLOAT64);
        TorchOptiModule twin = TorchOptiModule.of("NAdam");
        State state = nadam.getState()) {
      VectorBuilder builder = Vector.builder();
      Vector entries = state.vector("state");
      for (TensorSpec tensor : entries.spec().tensors()) {
        builder.copy(tensor.name(), entries.toDoubles(tensor.name()), tensor.shape());
      }
      state.put("state", builder.build());
      twin.setState(state);
      try (State same = twin.getState()) {
        assertThat(same.vector("state").spec()).isEqualTo(entries.spec());
        assertThat(same.vector("state").flatten()).isEqualTo(entries.flatten());
      }
      entries.close();
    }
  }

  /** A parameter that Python has not stepped yet has no entries; its state is that of a new one. */
  @Test
  void parametersWithoutEntriesBegin() {
    try (TorchOptiModule half = stepped("SGD", Map.of("momentum", 0.5), DType.FLOAT32);
        TorchOptiModule fresh = TorchOptiModule.of("SGD", Map.of("momentum", 0.5));
        State state = half.getState();
        Vector gradients = two(DType.FLOAT32, 3)) {
      Vector entries = state.vector("state");
      VectorBuilder builder = Vector.builder();
      TorchFixtures.add(
          builder, "0.momentum_buffer", entries, entries.spec().get("0.momentum_buffer"));
      entries.close();
      state.put("state", builder.build());
      try (TorchOptiModule module = TorchOptiModule.of("SGD", Map.of("momentum", 0.5))) {
        module.setState(state);
        try (State same = module.getState()) {
          assertThat(same.vector("state").spec().names()).containsExactly("0.momentum_buffer");
        }
        double[] whole = half.run(gradients, null).flatten();
        double[] first = fresh.run(gradients, null).flatten();
        double[] out = module.run(gradients, null).flatten();
        assertThat(Arrays.copyOf(out, 6)).isEqualTo(Arrays.copyOf(whole, 6));
        assertThat(Arrays.copyOfRange(out, 6, 10)).isEqualTo(Arrays.copyOfRange(first, 6, 10));
      }
    }
  }

  @Test
  void otherOptionsAreToldAndStay() {
    List<String> lines = new ArrayList<>();
    Handler handler =
        new Handler() {
          @Override
          public void publish(LogRecord one) {
            lines.add(
                one.getLevel() + " " + one.getMessage() + Arrays.toString(one.getParameters()));
          }

          @Override
          public void flush() {}

          @Override
          public void close() {}
        };
    Logger logger = Logger.getLogger("org.optibridge.torch");
    logger.addHandler(handler);
    logger.setUseParentHandlers(false);
    try (TorchOptiModule saved = stepped("Adam", Map.of("eps", 1e-6), DType.FLOAT32);
        TorchOptiModule module = TorchOptiModule.of("Adam", Map.of("betas", List.of(0.5, 0.6)));
        State state = saved.getState()) {
      saved.setState(state);
      assertThat(lines).isEmpty();
      module.setState(state);
      assertThat(lines)
          .singleElement()
          .asString()
          .startsWith("INFO")
          .contains(
              "torch.optim.Adam", "betas=[0.9, 0.999], here [0.5, 0.6]", "eps=1.0E-6, here 1.0E-8");
      assertThat(module.getConfig())
          .isEqualTo(
              Map.of(
                  "optim_cls",
                  "torch.optim.Adam",
                  "kwargs",
                  Map.of("betas", List.of(0.5, 0.6), "lr", 1.0)));
    } finally {
      logger.removeHandler(handler);
      logger.setUseParentHandlers(true);
    }
  }

  /** Whatever the number of tensors: one vector, and not much more than the bytes of the state. */
  @Test
  void manyTensorsAreOneAllocation() {
    List<long[]> shapes = new ArrayList<>();
    for (int i = 0; i < 2000; i++) {
      shapes.add(new long[] {1000});
    }
    try (TorchOptiModule module = TorchOptiModule.of("Adam");
        TorchOptiModule other = TorchOptiModule.of("Adam");
        Vector params = TorchFixtures.random(DType.FLOAT32, 1, shapes);
        Vector gradients = TorchFixtures.random(DType.FLOAT32, 2, shapes)) {
      module.stepInPlace(params, gradients, 0.1);
      long used = NativeMemory.liveBytes();
      long open = NativeMemory.liveHandles();
      long size = 2000 * 2 * 4000L;
      NativeMemory.resetPeak();
      try (State state = module.getState()) {
        assertThat(NativeMemory.liveHandles()).isEqualTo(open + 1);
        assertThat(NativeMemory.peakBytes() - used).isBetween(size, size * 11 / 10);
        other.setState(state);
        assertThat(NativeMemory.liveHandles()).isEqualTo(open + 4);
        assertThat(NativeMemory.peakBytes() - used).isBetween(2 * size, 2 * size * 11 / 10);
      }
    }
  }
}
