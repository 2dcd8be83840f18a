package org.optibridge.state;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.State;

/** Plain data of a state as JSON, bounded in depth and number of values. */
final class PlainJson {
  private int values;

  /** Reads an object or a list and puts it into a state. */
  void read(StrictJson reader, State into, String key) {
    if (reader.atObject()) {
      into.put(key, object(reader, 0));
    } else if (reader.atArray()) {
      into.put(key, list(reader, 0));
    } else {
      throw reader.error("plain data is an object or an array");
    }
  }

  private @Nullable Object value(StrictJson reader, int depth) {
    count(reader::error);
    if (reader.atObject()) {
      return object(reader, depth);
    }
    return reader.atArray() ? list(reader, depth) : reader.scalar();
  }

  private Map<String, @Nullable Object> object(StrictJson reader, int depth) {
    requireDepth(reader, depth);
    Map<String, @Nullable Object> object = new LinkedHashMap<>();
    reader.object(name -> object.put(name, value(reader, depth + 1)));
    return object;
  }

  private List<@Nullable Object> list(StrictJson reader, int depth) {
    requireDepth(reader, depth);
    List<@Nullable Object> list = new ArrayList<>();
    reader.array(position -> list.add(value(reader, depth + 1)));
    return list;
  }

  private static void requireDepth(StrictJson reader, int depth) {
    if (depth == StateTree.MAX_DEPTH) {
      throw reader.error("plain data of more than " + StateTree.MAX_DEPTH + " levels");
    }
  }

  private void count(Function<String, IllegalArgumentException> error) {
    if (++values > StateTree.MAX_VALUES) {
      throw error.apply("more than " + StateTree.MAX_VALUES + " values in plain data");
    }
  }

  /** Checks data that is to be written; its depth was checked when it was put into the state. */
  Object checked(Object data) {
    if (data instanceof Map<?, ?> map) {
      map.forEach(
          (key, value) -> {
            StrictJson.requireUnicode("A name in the state", (String) key);
            element(value);
          });
    } else {
      ((List<?>) data).forEach(this::element);
    }
    return data;
  }

  private void element(@Nullable Object value) {
    count(IllegalArgumentException::new);
    if (value instanceof String text) {
      StrictJson.requireUnicode("A text in the state", text);
    } else if (value instanceof Map || value instanceof List) {
      checked(value);
    }
  }
}
