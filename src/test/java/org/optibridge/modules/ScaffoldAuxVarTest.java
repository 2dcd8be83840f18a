package org.optibridge.modules;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.optibridge.memory.NativeMemory;
import org.optibridge.optimizer.AuxVar;
import org.optibridge.optimizer.Registry;
import org.optibridge.optimizer.State;
import org.optibridge.state.StateFormat;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorBuilder;

/** Sums of what clients say, in clear and in secret. */
class ScaffoldAuxVarTest {
  private static final double STEP = 0x1p-24;

  private static Vector vector(double... values) {
    return Vector.builder().copy("w", values, values.length).build();
  }

  private static ScaffoldAuxVar delta(String id, double... values) {
    return ScaffoldAuxVar.ofDelta(vector(values), Set.of(id));
  }

  private static double[] values(ScaffoldAuxVar aux) {
    return requireNonNull(aux.value()).toDoubles("w");
  }

  /** Aggregates from left to right, closing what lies between. */
  private static ScaffoldAuxVar sum(List<ScaffoldAuxVar> all) {
    ScaffoldAuxVar sum = all.get(0).aggregate(all.get(1));
    for (ScaffoldAuxVar next : all.subList(2, all.size())) {
      ScaffoldAuxVar former = sum;
      sum = former.aggregate(next);
      former.close();
    }
    return sum;
  }

  @Test
  void deltasAddUpAndIdsFormASet() {
    try (ScaffoldAuxVar a = delta("a", 1, 2);
        ScaffoldAuxVar b = delta("b", 10, 20);
        ScaffoldAuxVar zero = ScaffoldAuxVar.ofDelta(null, Set.of("z", "a"));
        ScaffoldAuxVar ab = a.aggregate(b);
        ScaffoldAuxVar all = zero.aggregate(ab);
        ScaffoldAuxVar back = ab.aggregate(zero);
        ScaffoldAuxVar zeros = zero.aggregate(zero)) {
      assertThat(values(ab)).containsExactly(11, 22);
      assertThat(ab.clients()).containsExactly("a", "b");
      assertThat(values(all)).containsExactly(11, 22);
      assertThat(values(back)).containsExactly(11, 22);
      assertThat(all.clients()).isEqualTo(back.clients()).containsExactly("a", "b", "z");
      assertThat(zeros.value()).isNull();
      assertThat(values(a)).containsExactly(1, 2);
    }
  }

  @Test
  void anyOrderAndGroupingGivesTheSameSumUpToRounding() {
    Random random = new Random(11);
    List<ScaffoldAuxVar> all = new ArrayList<>();
    double[] exact = new double[5];
    for (int i = 0; i < 12; i++) {
      double[] values = random.doubles(5, -1, 1).toArray();
      all.add(delta("client-" + i % 9, values));
      for (int j = 0; j < 5; j++) {
        exact[j] += values[j];
      }
    }
    for (int trial = 0; trial < 20; trial++) {
      Collections.shuffle(all, random);
      int cut = 2 + random.nextInt(9);
      try (ScaffoldAuxVar left = sum(all.subList(0, cut));
          ScaffoldAuxVar right = cut < 11 ? sum(all.subList(cut, 12)) : copy(all.get(11));
          ScaffoldAuxVar both = left.aggregate(right)) {
        assertThat(values(both)).containsExactly(exact, within(1e-14));
        assertThat(both.clients()).hasSize(9);
      }
    }
    all.forEach(ScaffoldAuxVar::close);
  }

  private static ScaffoldAuxVar copy(ScaffoldAuxVar aux) {
    try (State state = aux.toState()) {
      return ScaffoldAuxVar.from(state);
    }
  }

  @Test
  void statesAndOtherShapesDoNotAddUp() {
    try (ScaffoldAuxVar state = ScaffoldAuxVar.ofState(vector(1));
        ScaffoldAuxVar one = delta("one", 1);
        ScaffoldAuxVar two = delta("two", 1, 2)) {
      assertThatThrownBy(() -> state.aggregate(one)).isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> one.aggregate(state)).isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> one.aggregate(two))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("[two]");
      assertThatThrownBy(state::summands).isInstanceOf(UnsupportedOperationException.class);
      try (State none = new State()) {
        assertThatThrownBy(() -> state.withSummands(none))
            .isInstanceOf(UnsupportedOperationException.class);
      }
    }
  }

  @Test
  void readerTakesExactlyOneOfStateAndDelta() {
    long before = NativeMemory.liveBytes();
    try (State none = new State();
        State both = new State().put("state", 0).put("delta", 0);
        State nobody = new State().put("delta", 0).put("clients", new State());
        State blank = new State().put("delta", 0).put("clients", new State().put("0", ""));
        State gap = new State().put("delta", 0).put("clients", new State().put("1", "a"));
        State one = new State().put("state", 1);
        State text = new State().put("state", "zero");
        State negativeZero = new State().put("state", -0.0)) {
      for (State wrong : List.of(none, both, nobody, blank, gap, one, text)) {
        assertThatThrownBy(() -> Registry.auxVar("scaffold", wrong))
            .as(wrong.toString())
            .isInstanceOf(IllegalArgumentException.class);
      }
      try (AuxVar zero = Registry.auxVar("scaffold", negativeZero)) {
        assertThat(((ScaffoldAuxVar) zero).value()).isNull();
      }
    }
    assertThatThrownBy(() -> ScaffoldAuxVar.ofDelta(null, Set.of()))
        .isInstanceOf(IllegalArgumentException.class);
    assertThat(NativeMemory.liveBytes()).isEqualTo(before);
  }

  /**
   * Two parties that never see a client's delta: each client rounds it to multiples of 2^-24 and
   * splits those into two random shares modulo 2^64; each party adds up its shares; the two sums
   * together are the sum. Ids and kinds go in clear.
   */
  @Test
  void sharesSummedElsewhereGiveTheAggregate() {
    Random random = new Random(5);
    int width = 40;
    long[][] sums = new long[2][width];
    AuxVar clear = null;
    ScaffoldAuxVar expected = null;
    for (String id : List.of("a", "b", "c", "a")) {
      double[] values = new double[width];
      for (int i = 0; i < width; i++) {
        values[i] = (random.nextInt() >> 4) * STEP;
      }
      try (ScaffoldAuxVar aux = delta(id, values);
          State secret = aux.summands();
          State none = new State();
          AuxVar rest = aux.withSummands(none)) {
        assertThat(secret.keys()).containsExactly("delta");
        double[] shown = secret.vector("delta").toDoubles("w");
        for (int i = 0; i < width; i++) {
          long mask = random.nextLong();
          sums[0][i] += mask;
          sums[1][i] += (long) (shown[i] / STEP) - mask;
        }
        clear = added(clear, travelled(rest));
        expected = (ScaffoldAuxVar) added(expected, copy(aux));
      }
    }
    double[] total = new double[width];
    for (int i = 0; i < width; i++) {
      total[i] = (sums[0][i] + sums[1][i]) * STEP;
    }
    try (ScaffoldAuxVar wanted = requireNonNull(expected);
        ScaffoldAuxVar merged = (ScaffoldAuxVar) requireNonNull(clear);
        State sum = new State().put("delta", vector(total));
        ScaffoldAuxVar result = merged.withSummands(sum)) {
      assertThat(merged.value()).isNull();
      assertThat(values(result)).containsExactly(values(wanted));
      assertThat(result.clients()).isEqualTo(wanted.clients()).containsExactly("a", "b", "c");
      try (State wrong = new State().put("state", 0)) {
        assertThatThrownBy(() -> merged.withSummands(wrong))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("delta");
      }
    }
  }

  private static AuxVar travelled(AuxVar aux) {
    byte[] bytes = StateFormat.writeAux(Map.of(aux.name(), aux));
    return requireNonNull(StateFormat.readAux(bytes).get(aux.name()));
  }

  private static AuxVar added(@Nullable AuxVar sum, AuxVar next) {
    if (sum == null) {
      return next;
    }
    try (sum;
        next) {
      return sum.aggregate(next);
    }
  }

  @Test
  void travelsWithAllItsTensors() {
    VectorBuilder builder = Vector.builder().copy("a.b/c", new float[] {1, Float.NaN}, 2);
    try (ScaffoldAuxVar aux =
            ScaffoldAuxVar.ofDelta(
                builder.copy("é", new double[] {-0.0}).build(), Set.of("x/y", "~", "ü"));
        ScaffoldAuxVar read = (ScaffoldAuxVar) travelled(aux)) {
      assertThat(requireNonNull(read.value()).spec()).isEqualTo(requireNonNull(aux.value()).spec());
      assertThat(requireNonNull(read.value()).toFloats("a.b/c")).containsExactly(1, Float.NaN);
      assertThat(read.clients()).isEqualTo(aux.clients());
    }
  }
}
