package org.optibridge.optimizer;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Data as JSON has it, as an entry of a {@link State}: lists, maps with text keys, texts, booleans,
 * numbers and null. Whole numbers become {@code Long}, others {@code Double}, so that equal data is
 * equal wherever it comes from.
 */
final class PlainData {
  /** The most lists and maps in one another. */
  private static final int MAX_DEPTH = 64;

  private final String entry;

  private PlainData(String entry) {
    this.entry = entry;
  }

  /**
   * @param entry the name, for messages
   * @param data a list or a map
   * @return a copy that nobody can change
   * @throws IllegalArgumentException if something in it is no plain data
   */
  static Object copy(String entry, Object data) {
    Object copy = new PlainData(entry).copy(data, 0);
    if (copy == null) {
      throw new IllegalArgumentException("The entry '" + entry + "' is null");
    }
    return copy;
  }

  private @Nullable Object copy(@Nullable Object value, int depth) {
    if (value == null || value instanceof String || value instanceof Boolean) {
      return value;
    }
    if (value instanceof Number number) {
      return number(number);
    }
    if (depth == MAX_DEPTH) {
      throw refused("has more than " + MAX_DEPTH + " levels");
    }
    if (value instanceof List<?> list) {
      List<@Nullable Object> copy = new ArrayList<>(list.size());
      for (Object element : list) {
        copy.add(copy(element, depth + 1));
      }
      return Collections.unmodifiableList(copy);
    }
    if (value instanceof Map<?, ?> map) {
      Map<String, @Nullable Object> copy = new LinkedHashMap<>();
      map.forEach(
          (key, element) -> {
            if (!(key instanceof String name)) {
              throw refused("has the key " + key + ", which is no text");
            }
            copy.put(name, copy(element, depth + 1));
          });
      return Collections.unmodifiableMap(copy);
    }
    throw refused("has a " + value.getClass().getName() + ", which is no plain data");
  }

  private Number number(Number value) {
    if (value instanceof Long
        || value instanceof Integer
        || value instanceof Short
        || value instanceof Byte) {
      return value.longValue();
    }
    if ((value instanceof Double || value instanceof Float)
        && Double.isFinite(value.doubleValue())) {
      return value.doubleValue();
    }
    throw refused("has the number " + value + "; only finite doubles and longs are plain data");
  }

  private IllegalArgumentException refused(String problem) {
    return new IllegalArgumentException("The entry '" + entry + "' " + problem);
  }
}
