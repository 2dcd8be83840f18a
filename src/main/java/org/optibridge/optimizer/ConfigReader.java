package org.optibridge.optimizer;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Reads the entries of a config, with errors that name the stage and the entry. Entries that are
 * there but nobody asked for are errors too.
 */
public final class ConfigReader {
  private final String owner;
  private final Map<String, Object> config;
  private final Set<String> known = new LinkedHashSet<>();

  private ConfigReader(String owner, Map<String, Object> config) {
    this.owner = owner;
    this.config = config;
  }

  /**
   * @param owner the registered name, for messages
   * @param config its entries
   * @param factory asks for all entries that there may be and makes the result
   * @param <T> what is made
   * @return what the factory made
   * @throws IllegalArgumentException if an entry is unknown, missing or ill-typed
   */
  public static <T> T read(
      String owner, Map<String, Object> config, Function<ConfigReader, ? extends T> factory) {
    ConfigReader reader = new ConfigReader(owner, config);
    T made = factory.apply(reader);
    for (String key : config.keySet()) {
      if (!reader.known.contains(key)) {
        if (made instanceof Stage stage) {
          stage.close();
        }
        throw new IllegalArgumentException(
            owner + ": unknown entry '" + key + "' of the config; known: " + reader.known);
      }
    }
    return made;
  }

  /**
   * A factory for a registry: reads a config for what is registered under a name.
   *
   * @param owner the registered name
   * @param factory as of {@link #read}
   * @param <T> what is made
   * @return what makes it from its config
   */
  public static <T> Function<Map<String, Object>, T> factory(
      String owner, Function<ConfigReader, ? extends T> factory) {
    return config -> read(owner, config, factory);
  }

  private @Nullable Object get(String key) {
    known.add(key);
    return config.get(key);
  }

  private IllegalArgumentException wrong(String key, String what, @Nullable Object value) {
    return new IllegalArgumentException(
        owner + ": '" + key + "' must be " + what + ", not " + value);
  }

  /**
   * @param key an entry that must be there
   * @return its number
   */
  public double number(String key) {
    if (get(key) instanceof Number number) {
      return number.doubleValue();
    }
    throw wrong(key, "a number", config.get(key));
  }

  /**
   * @param key an entry
   * @param otherwise the default
   * @return its number
   */
  public double number(String key, double otherwise) {
    return get(key) == null && !config.containsKey(key) ? otherwise : number(key);
  }

  /**
   * @param key an entry that must be there
   * @return its whole number
   */
  public long integer(String key) {
    double value = number(key);
    if (value != Math.rint(value) || Math.abs(value) > 1L << 53) {
      throw wrong(key, "a whole number", config.get(key));
    }
    return (long) value;
  }

  /**
   * @param key an entry
   * @param otherwise the default
   * @return its whole number
   */
  public long integer(String key, long otherwise) {
    return get(key) == null && !config.containsKey(key) ? otherwise : integer(key);
  }

  /**
   * @param key an entry that may be missing or null
   * @return its whole number, or null
   */
  public @Nullable Long optionalInteger(String key) {
    return get(key) == null ? null : Long.valueOf(integer(key));
  }

  /**
   * @param key an entry
   * @param otherwise the default
   * @return whether it is true
   */
  public boolean flag(String key, boolean otherwise) {
    Object value = get(key);
    if (value == null && !config.containsKey(key)) {
      return otherwise;
    }
    if (value instanceof Boolean flag) {
      return flag;
    }
    throw wrong(key, "true or false", value);
  }

  /**
   * @param key an entry
   * @param otherwise the default
   * @return its text
   */
  public String text(String key, String otherwise) {
    Object value = get(key);
    if (value == null && !config.containsKey(key)) {
      return otherwise;
    }
    if (value instanceof String text) {
      return text;
    }
    throw wrong(key, "a text", value);
  }

  /**
   * @param key an entry
   * @return its list; an empty one if there is none
   */
  public List<?> list(String key) {
    Object value = get(key);
    if (value == null && !config.containsKey(key)) {
      return List.of();
    }
    if (value instanceof List<?> list) {
      return list;
    }
    throw wrong(key, "a list", value);
  }

  /**
   * @param key an entry
   * @return its object; an empty one if there is none
   */
  @SuppressWarnings("unchecked") // JSON objects have text keys
  public Map<String, Object> object(String key) {
    Object value = get(key);
    if (value == null && !config.containsKey(key)) {
      return Map.of();
    }
    if (value instanceof Map<?, ?> map) {
      return (Map<String, Object>) map;
    }
    throw wrong(key, "an object", value);
  }

  /**
   * @param key an entry
   * @param otherwise the default
   * @return whatever it is
   */
  public @Nullable Object value(String key, @Nullable Object otherwise) {
    Object value = get(key);
    return value == null ? otherwise : value;
  }
}
