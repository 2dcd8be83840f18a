package org.optibridge.testing;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.optibridge.optimizer.State;

/** Compares states of declearn, as recorded, with ours. */
public final class GoldenState {
  private GoldenState() {}

  /** Checks that ours has just the entries that are set in the recorded one, with its values. */
  public static void check(String what, State actual, JsonNode expected, double rtol, double atol) {
    Set<String> wanted = new TreeSet<>();
    for (Map.Entry<String, JsonNode> field : expected.properties()) {
      String inner = what + "." + field.getKey();
      JsonNode value = field.getValue();
      if (value.isNull()) {
        continue; // not set yet
      }
      wanted.add(field.getKey());
      if (value.isNumber()) {
        assertThat(actual.number(field.getKey())).as(inner).isEqualTo(value.asDouble());
      } else if (value.has("vector")) {
        Golden.check(inner, actual.vector(field.getKey()), value.get("coefs"), rtol, atol);
      } else {
        check(inner, actual.state(field.getKey()), value, rtol, atol);
      }
    }
    assertThat(new TreeSet<>(actual.keys())).as(what).isEqualTo(wanted);
  }
}
