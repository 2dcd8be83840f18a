package org.optibridge.state;

/**
 * Names of tensors in a file: the names of the entries that lead to it and its own, joined by
 * slashes. In each, {@code ~} is written {@code ~0} and {@code /} is written {@code ~1}, as in JSON
 * pointers (RFC 6901), so that different paths have different keys.
 */
final class TensorKeys {
  private TensorKeys() {}

  private static String escape(String segment) {
    return segment.replace("~", "~0").replace("/", "~1");
  }

  /**
   * @param path names of entries, outermost first
   * @param tensor the name in the vector
   */
  static String key(Iterable<String> path, String tensor) {
    StringBuilder key = new StringBuilder();
    for (String segment : path) {
      key.append(escape(segment)).append('/');
    }
    return key.append(escape(tensor)).toString();
  }
}
