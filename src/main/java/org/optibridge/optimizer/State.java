package org.optibridge.optimizer;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorSpec;

/**
 * A snapshot of state: an ordered tree of numbers, texts, specs, vectors and plain data under
 * names. It owns its vectors and closes them with itself. Not thread-safe.
 */
public final class State implements AutoCloseable {
  private final Map<String, Object> entries = new LinkedHashMap<>();

  /**
   * @param key the entry's name
   * @param value a number
   * @return this
   */
  public State put(String key, double value) {
    entries.put(key, value);
    return this;
  }

  /**
   * @param key the entry's name
   * @param value a text
   * @return this
   */
  public State put(String key, String value) {
    entries.put(key, value);
    return this;
  }

  /**
   * @param key the entry's name
   * @param value a stored vector, owned by this state from now on
   * @return this
   */
  public State put(String key, Vector value) {
    entries.put(key, value);
    return this;
  }

  /**
   * @param key the entry's name
   * @param value names, shapes and dtypes
   * @return this
   */
  public State put(String key, VectorSpec value) {
    entries.put(key, value);
    return this;
  }

  /**
   * @param key the entry's name
   * @param value a state, owned by this one from now on
   * @return this
   */
  public State put(String key, State value) {
    entries.put(key, value);
    return this;
  }

  /**
   * @param key the entry's name
   * @param value plain data: texts, booleans, finite numbers, null, lists and maps with text keys,
   *     at most 64 in one another; copied, with whole numbers as {@code Long}, others as {@code
   *     Double}
   * @return this
   * @throws IllegalArgumentException if something in it is none of these
   */
  public State put(String key, List<?> value) {
    entries.put(key, PlainData.copy(key, value));
    return this;
  }

  /**
   * @param key the entry's name
   * @param value plain data, see {@link #put(String, List)}
   * @return this
   * @throws IllegalArgumentException if something in it is no plain data
   */
  public State put(String key, Map<String, ?> value) {
    entries.put(key, PlainData.copy(key, value));
    return this;
  }

  /** Puts an entry of a nested state: {@code "momentum.state"}. */
  void putAt(String path, Object value) {
    int dot = path.indexOf('.');
    if (dot < 0) {
      entries.put(path, value);
      return;
    }
    String outer = path.substring(0, dot);
    if (!has(outer)) {
      put(outer, new State());
    }
    state(outer).putAt(path.substring(dot + 1), value);
  }

  /** All entries but states, by their paths. */
  Map<String, Object> flat() {
    return flat(Set.of());
  }

  /** All entries but states, by their paths, leaving out some of this state's own entries. */
  Map<String, Object> flat(Set<String> omitted) {
    Map<String, Object> all = new LinkedHashMap<>();
    entries.forEach(
        (key, value) -> {
          if (omitted.contains(key)) {
            return;
          }
          if (value instanceof State inner) {
            inner.flat().forEach((path, leaf) -> all.put(key + "." + path, leaf));
          } else {
            all.put(key, value);
          }
        });
    return all;
  }

  /** Returns the names in order. */
  public Set<String> keys() {
    return entries.keySet();
  }

  /**
   * @param key an entry's name
   * @return whether there is one
   */
  public boolean has(String key) {
    return entries.containsKey(key);
  }

  /**
   * @param key an entry's name
   * @return its number
   * @throws IllegalArgumentException if there is no such entry or it is no number
   */
  public double number(String key) {
    return get(key, Double.class, "a number");
  }

  /**
   * @param key an entry's name
   * @return its text
   * @throws IllegalArgumentException if there is no such entry or it is no text
   */
  public String text(String key) {
    return get(key, String.class, "a text");
  }

  /**
   * @param key an entry's name
   * @return its vector, still owned by this state
   * @throws IllegalArgumentException if there is no such entry or it is no vector
   */
  public Vector vector(String key) {
    return get(key, Vector.class, "a vector");
  }

  /**
   * @param key an entry's name
   * @return its state, still owned by this one
   * @throws IllegalArgumentException if there is no such entry or it is no state
   */
  public State state(String key) {
    return get(key, State.class, "a state");
  }

  /**
   * @param key an entry's name
   * @return its names, shapes and dtypes
   * @throws IllegalArgumentException if there is no such entry or it is no spec
   */
  public VectorSpec spec(String key) {
    return get(key, VectorSpec.class, "a spec");
  }

  /**
   * @param key an entry's name
   * @return its plain data, which can't be changed
   * @throws IllegalArgumentException if there is no such entry or it is no list
   */
  @SuppressWarnings("unchecked") // put(…) takes nothing else
  public List<@Nullable Object> list(String key) {
    return (List<@Nullable Object>) get(key, List.class, "a list");
  }

  /**
   * @param key an entry's name
   * @return its plain data, which can't be changed
   * @throws IllegalArgumentException if there is no such entry or it is no map
   */
  @SuppressWarnings("unchecked") // put(…) takes nothing else
  public Map<String, @Nullable Object> map(String key) {
    return (Map<String, @Nullable Object>) get(key, Map.class, "a map");
  }

  private <T> T get(String key, Class<T> type, String what) {
    Object value = entries.get(key);
    if (value == null) {
      throw new IllegalArgumentException(
          "The state lacks the entry '" + key + "'; it has " + entries.keySet());
    }
    if (!type.isInstance(value)) {
      throw new IllegalArgumentException("The state's entry '" + key + "' is not " + what);
    }
    return type.cast(value);
  }

  /**
   * @param key an entry's name
   * @return whatever it is: a {@code Double}, {@code String}, {@link VectorSpec}, {@code List} or
   *     {@code Map} of plain data, {@link Vector} or {@code State}, the last two still owned by
   *     this state
   * @throws IllegalArgumentException if there is no such entry
   */
  public Object value(String key) {
    return get(key, Object.class, "there");
  }

  /** Closes all vectors in it. */
  @Override
  public void close() {
    for (Object value : entries.values()) {
      if (value instanceof Vector vector) {
        vector.close();
      } else if (value instanceof State state) {
        state.close();
      }
    }
  }

  @Override
  public String toString() {
    return "State" + entries;
  }
}
