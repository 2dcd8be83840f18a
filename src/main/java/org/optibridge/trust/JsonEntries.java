package org.optibridge.trust;

import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The entries of a small JSON object that comes from elsewhere, each to be taken once; what is left
 * at the end is refused. A number is a Double; nesting and lists are bounded and no key may come
 * twice. Used by one thread.
 */
public final class JsonEntries {
  private static final Pattern IDENTIFIER = Pattern.compile("[A-Za-z_][A-Za-z0-9_]{0,63}");
  private static final int MAX_ENTRIES = 64;

  private final Map<?, ?> map;
  private final String what;
  private final Set<Object> left;

  private JsonEntries(@Nullable Object value, String what) {
    if (!(value instanceof Map<?, ?> object)) {
      throw new IllegalArgumentException(what + " is no JSON object");
    }
    this.map = object;
    this.what = what;
    this.left = new HashSet<>(object.keySet());
  }

  /**
   * @param text a JSON text
   * @param what it is, for messages
   * @return its entries
   * @throws IllegalArgumentException if it is anything but one JSON object
   */
  public static JsonEntries parse(String text, String what) {
    return new JsonEntries(JsonText.parse(text), what);
  }

  /**
   * @param value an element of {@link #list}
   * @param what it is, for messages
   * @return its entries
   * @throws IllegalArgumentException if it is no JSON object
   */
  public static JsonEntries of(@Nullable Object value, String what) {
    return new JsonEntries(value, what);
  }

  /**
   * @param value anything
   * @return whether it is a text of at most 64 ASCII letters, digits and '_', no digit first
   */
  public static boolean isIdentifier(@Nullable Object value) {
    return value instanceof String text && IDENTIFIER.matcher(text).matches();
  }

  private @Nullable Object take(String key) {
    left.remove(key);
    return map.get(key);
  }

  /**
   * @param key an entry that must be there
   * @return its value, an identifier
   */
  public String identifier(String key) {
    if (take(key) instanceof String text && isIdentifier(text)) {
      return text;
    }
    throw new IllegalArgumentException(
        "'"
            + key
            + "' of "
            + what
            + " must be an identifier: at most 64 ASCII letters, digits"
            + " and '_'");
  }

  /**
   * @param key an entry
   * @return its value; null if it is not there
   */
  public @Nullable String text(String key) {
    Object value = take(key);
    if (value == null || value instanceof String) {
      return (String) value;
    }
    throw new IllegalArgumentException("'" + key + "' of " + what + " must be a text");
  }

  /**
   * @param key an entry
   * @param otherwise its value if it is not there; null if it must be
   * @return its value, finite
   */
  public double number(String key, @Nullable Double otherwise) {
    Object value = take(key);
    if (value == null && otherwise != null) {
      return otherwise;
    }
    if (value instanceof Double number && Double.isFinite(number)) {
      return number;
    }
    throw new IllegalArgumentException("'" + key + "' of " + what + " must be a finite number");
  }

  /**
   * @param key an entry
   * @return whether it is there, taken or not
   */
  public boolean has(String key) {
    return map.get(key) != null;
  }

  /**
   * @param key an entry
   * @param otherwise its value if it is not there; null if it must be
   * @return its value
   */
  public boolean flag(String key, @Nullable Boolean otherwise) {
    Object value = take(key);
    if (value == null && otherwise != null) {
      return otherwise;
    }
    if (value instanceof Boolean flag) {
      return flag;
    }
    throw new IllegalArgumentException("'" + key + "' of " + what + " must be true or false");
  }

  /**
   * @param key an entry
   * @return its elements; none if it is not there
   */
  public List<?> list(String key) {
    Object value = take(key);
    if (value == null) {
      return List.of();
    }
    if (value instanceof List<?> list && list.size() <= MAX_ENTRIES) {
      return list;
    }
    throw new IllegalArgumentException(
        "'" + key + "' of " + what + " must be a list of at most " + MAX_ENTRIES);
  }

  /** Refuses what was not taken. */
  public void requireNoMore() {
    if (!left.isEmpty()) {
      throw new IllegalArgumentException(what + " has the unknown entries " + left);
    }
  }
}
