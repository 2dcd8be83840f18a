package org.optibridge.optimizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Plain data as entries of a state: copied, of few types, refused if it is more than that. */
class PlainDataTest {
  @Test
  void isCopiedWithWholeNumbersAsLongAndOthersAsDouble() {
    List<Object> list =
        new ArrayList<>(Arrays.asList(1, (short) 2, 3L, 0.5f, 1.0, "x", true, null));
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("list", list);
    try (State state = new State().put("map", map).put("list", list)) {
      list.clear();
      map.clear();
      List<Object> expected = Arrays.asList(1L, 2L, 3L, 0.5, 1.0, "x", true, null);
      assertThat(state.list("list")).isEqualTo(expected);
      assertThat(state.map("map")).isEqualTo(Map.of("list", expected));
      assertThatThrownBy(() -> state.list("list").add(1))
          .isInstanceOf(UnsupportedOperationException.class);
      assertThatThrownBy(() -> state.map("map").clear())
          .isInstanceOf(UnsupportedOperationException.class);
      assertThatThrownBy(() -> state.list("map")).hasMessageContaining("'map' is not a list");
      assertThatThrownBy(() -> state.map("list")).hasMessageContaining("'list' is not a map");
      assertThatThrownBy(() -> state.list("other")).hasMessageContaining("lacks the entry 'other'");
    }
  }

  private static void refused(Object element, String text) {
    assertThatThrownBy(() -> new State().put("entry", Collections.singletonList(element)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("'entry'")
        .hasMessageContaining(text);
  }

  @Test
  void otherTypesAreRefused() {
    refused(Double.NaN, "NaN");
    refused(Float.POSITIVE_INFINITY, "Infinity");
    refused(new BigDecimal("1.5"), "1.5");
    refused(Set.of(), "no plain data");
    refused(new double[] {1}, "no plain data");
    refused(Map.of(1, 2), "no text");
    List<Object> itself = new ArrayList<>();
    itself.add(itself);
    refused(itself, "64 levels");
  }
}
