package org.optibridge.optimizer;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.optibridge.vector.Vector;

/** What a state holds, as plain values that can be compared. */
public final class StateValues {
  private StateValues() {}

  /** All entries by path; vectors as text of their spec and of all their elements. */
  public static Map<String, Object> of(State state) {
    Map<String, Object> values = new LinkedHashMap<>();
    state
        .flat()
        .forEach(
            (path, value) ->
                values.put(
                    path,
                    value instanceof Vector vector
                        ? vector.spec() + Arrays.toString(vector.flatten())
                        : value));
    return values;
  }

  public static Map<String, Object> of(Stage stage) {
    try (State state = stage.getState()) {
      return of(state);
    }
  }

  public static Map<String, Object> of(Optimizer optimizer) {
    try (State state = optimizer.getState()) {
      return of(state);
    }
  }
}
