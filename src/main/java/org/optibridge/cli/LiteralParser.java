package org.optibridge.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Reads {@code NAME(key=value, ...)} whose values are Python or JSON literals. */
final class LiteralParser {
  private static final Pattern NAME = Pattern.compile("[A-Za-z_]\\w*([.-][A-Za-z_]\\w*|\\$\\w+)*");
  // Paths of files with optimizers; others have to be quoted.
  private static final Pattern PATH =
      Pattern.compile("[\\w./~+-]*(/|\\.(so|pt2?)(?![\\w$]))[\\w./:~+-]*");
  private static final Pattern WORD = Pattern.compile("[A-Za-z_]\\w*");
  private static final Pattern NUMBER =
      Pattern.compile("[+-]?(\\d[\\d_]*\\.?[\\d_]*|\\.\\d[\\d_]*)([eE][+-]?\\d+)?");
  private static final int MAX_DEPTH = 16;

  private final String text;
  private int position;
  private int depth;

  LiteralParser(String text) {
    this.text = text;
  }

  /** A name with its arguments, in the order given; a null value is {@code None}. */
  record Call(String name, Map<String, @Nullable Object> arguments) {}

  /** Reads the whole text as one call. */
  Call call() {
    skipSpace();
    boolean quoted = peek() == '"' || peek() == '\'';
    String name = quoted ? string() : match(PATH);
    if (name == null) {
      name = match(NAME);
    }
    if (name == null) {
      throw error("expected an optimizer's name");
    }
    Map<String, @Nullable Object> arguments = new LinkedHashMap<>();
    skipSpace();
    if (accept('(')) {
      arguments(arguments);
    }
    skipSpace();
    if (position < text.length()) {
      throw error("expected nothing more but found '" + text.charAt(position) + "'");
    }
    return new Call(name, arguments);
  }

  private void arguments(Map<String, @Nullable Object> arguments) {
    skipSpace();
    while (!accept(')')) {
      int start = position;
      String key = match(WORD);
      if (key == null) {
        throw error("expected key=value or ')'");
      }
      skipSpace();
      if (!accept('=')) {
        throw error("expected '=' after '" + key + "'");
      }
      if (arguments.containsKey(key)) {
        position = start;
        throw error("'" + key + "' is given twice");
      }
      arguments.put(key, value());
      skipSpace();
      if (!accept(',') && peek() != ')') {
        throw error("expected ',' or ')' after the value of '" + key + "'");
      }
      skipSpace();
    }
  }

  private @Nullable Object value() {
    skipSpace();
    char next = peek();
    if (next == '(' || next == '[') {
      return sequence();
    }
    if (next == '\'' || next == '"') {
      return string();
    }
    int start = position;
    String number = match(NUMBER);
    if (number != null) {
      return number(number, start);
    }
    String word = match(WORD);
    if (word != null) {
      return switch (word) {
        case "True", "true" -> true;
        case "False", "false" -> false;
        case "None", "null" -> null;
        default -> {
          position = start;
          throw error("'" + word + "' is no literal (a string needs quotes)");
        }
      };
    }
    throw error("expected a value: a number, True, False, None, a string, (a, b) or [a, b]");
  }

  private Object number(String number, int start) {
    String digits = number.replace("_", "");
    char after = peek();
    if (Character.isLetterOrDigit(after) || after == '_' || after == '.' || number.endsWith("_")) {
      position = start;
      throw error("malformed number");
    }
    if (digits.matches("[+-]?\\d{1,18}")) {
      return Long.valueOf(digits);
    }
    double value = Double.parseDouble(digits);
    if (Double.isInfinite(value)) {
      position = start;
      throw error("number out of range");
    }
    return value;
  }

  /** A list or tuple; as in Python, {@code (1)} is just 1. */
  private @Nullable Object sequence() {
    if (++depth > MAX_DEPTH) {
      throw error("nested too deeply");
    }
    char close = text.charAt(position++) == '(' ? ')' : ']';
    List<@Nullable Object> values = new ArrayList<>();
    boolean comma = false;
    skipSpace();
    while (!accept(close)) {
      values.add(value());
      skipSpace();
      comma = accept(',');
      if (!comma && peek() != close) {
        throw error("expected ',' or '" + close + "'");
      }
      skipSpace();
    }
    depth--;
    return close == ')' && values.size() == 1 && !comma ? values.get(0) : values;
  }

  private String string() {
    int start = position;
    char quote = text.charAt(position++);
    StringBuilder value = new StringBuilder();
    while (position < text.length()) {
      char next = text.charAt(position++);
      if (next == quote) {
        return value.toString();
      }
      if (next == '\\' && position < text.length()) {
        next = text.charAt(position++);
        if (next != '\\' && next != '\'' && next != '"' && next != '/') {
          position -= 2;
          throw error("only \\\\, \\', \\\" and \\/ are escapes here");
        }
      }
      value.append(next);
    }
    position = start;
    throw error("the string that starts here has no end");
  }

  private @Nullable String match(Pattern pattern) {
    Matcher matcher = pattern.matcher(text).region(position, text.length());
    if (!matcher.lookingAt()) {
      return null;
    }
    position = matcher.end();
    return matcher.group();
  }

  private void skipSpace() {
    while (position < text.length() && Character.isWhitespace(text.charAt(position))) {
      position++;
    }
  }

  private char peek() {
    return position < text.length() ? text.charAt(position) : '\0';
  }

  private boolean accept(char wanted) {
    if (position < text.length() && text.charAt(position) == wanted) {
      position++;
      return true;
    }
    return false;
  }

  private CliException error(String what) {
    String where =
        position < text.length() ? "at character " + (position + 1) : "at the end of the text";
    return new CliException("bad optimizer \"" + text + "\": " + what + " " + where);
  }
}
