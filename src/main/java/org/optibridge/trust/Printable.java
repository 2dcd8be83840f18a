package org.optibridge.trust;

/** Text from others, as it can be shown on a terminal or written to a log. */
final class Printable {
  private static final int MAX_LENGTH = 400;

  private Printable() {}

  /**
   * Escapes what could forge lines, move a cursor or turn the direction of writing, and shortens
   * what is too long to be read, in the middle.
   */
  static String of(String text) {
    StringBuilder out = new StringBuilder();
    text.codePoints().forEach(c -> append(out, c));
    if (out.length() > MAX_LENGTH) {
      out.replace(MAX_LENGTH / 2, out.length() - MAX_LENGTH / 2, "…");
    }
    return out.toString();
  }

  private static void append(StringBuilder out, int c) {
    boolean plain =
        switch (Character.getType(c)) {
          case Character.CONTROL,
              Character.FORMAT,
              Character.SURROGATE,
              Character.PRIVATE_USE,
              Character.UNASSIGNED,
              Character.LINE_SEPARATOR,
              Character.PARAGRAPH_SEPARATOR ->
              false;
          default -> true;
        };
    if (plain) {
      out.appendCodePoint(c);
    } else {
      out.append("\\u{").append(Integer.toHexString(c)).append("}");
    }
  }
}
