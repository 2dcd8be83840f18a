package org.optibridge.tensorflow;

import java.util.List;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.jspecify.annotations.Nullable;

/**
 * A keyword argument of an optimizer of Keras's.
 *
 * @param name as Keras names it
 * @param type what values it takes
 * @param defaultValue Keras's default: a Double, a Long, a Boolean, a List, or null for None
 * @param allowed the values it takes
 */
public record KerasOption(String name, Type type, @Nullable Object defaultValue, Range allowed) {
  /** Kinds of value. */
  public enum Type {
    /** A number. */
    FLOAT,
    /** A number that is not written as a whole one: Keras looks at the type. */
    STRICT_FLOAT,
    /** A whole number. */
    INT,
    /** A whole number that is not written as a fraction: Keras looks at the type. */
    STRICT_INT,
    /** A boolean. */
    BOOL,
    /** A list of regular expressions. */
    PATTERNS
  }

  /** Values that Keras accepts. Numbers are finite in any case. */
  public enum Range {
    /** Any value of the type. */
    ANY("any"),
    /** Any value of the type, or None. */
    OPTIONAL("any or None"),
    /** Zero or more. */
    NOT_NEGATIVE(">= 0"),
    /** Zero or less. */
    NOT_POSITIVE("<= 0"),
    /** Any value but zero, or None. */
    NOT_ZERO("None or any but 0"),
    /** Less than a hundred. */
    BELOW_HUNDRED("< 100"),
    /** From zero to one. */
    UP_TO_ONE("[0, 1]"),
    /** Above zero, at most one. */
    ABOVE_ZERO_UP_TO_ONE("(0, 1]"),
    /** Two or more, or None. */
    FROM_TWO("None or >= 2"),
    /** One or more, or None. */
    FROM_ONE("None or >= 1");

    private final String text;

    Range(String text) {
      this.text = text;
    }

    private boolean holds(double value) {
      return switch (this) {
        case ANY, OPTIONAL -> true;
        case NOT_NEGATIVE -> value >= 0;
        case NOT_POSITIVE -> value <= 0;
        case NOT_ZERO -> value != 0;
        case BELOW_HUNDRED -> value < 100;
        case UP_TO_ONE -> value >= 0 && value <= 1;
        case ABOVE_ZERO_UP_TO_ONE -> value > 0 && value <= 1;
        // Zero is Python's other way to say None.
        case FROM_TWO -> value == 0 || value >= 2;
        case FROM_ONE -> value == 0 || value >= 1;
      };
    }

    private boolean mayBeNone() {
      return this == OPTIONAL || this == NOT_ZERO || this == FROM_TWO || this == FROM_ONE;
    }

    @Override
    public String toString() {
      return text;
    }
  }

  static KerasOption number(String name, double defaultValue) {
    return number(name, defaultValue, Range.ANY);
  }

  static KerasOption number(String name, double defaultValue, Range allowed) {
    return new KerasOption(name, Type.FLOAT, defaultValue, allowed);
  }

  static KerasOption flag(String name, boolean defaultValue) {
    return new KerasOption(name, Type.BOOL, defaultValue, Range.ANY);
  }

  static KerasOption optional(String name) {
    return new KerasOption(name, Type.FLOAT, null, Range.OPTIONAL);
  }

  static KerasOption factor(String name) {
    return new KerasOption(name, Type.FLOAT, null, Range.NOT_ZERO);
  }

  static KerasOption patterns(String name) {
    return new KerasOption(name, Type.PATTERNS, List.of(), Range.OPTIONAL);
  }

  static KerasOption count(String name, Range allowed) {
    return new KerasOption(name, Type.INT, null, allowed);
  }

  /**
   * @return the values it takes, as a text: {@code "any"}, {@code ">= 0"}, {@code "[0, 1]"}
   */
  public String range() {
    return allowed.toString();
  }

  /**
   * Checks a value and brings it into the form of {@link #defaultValue()}.
   *
   * @param owner the optimizer, for messages
   * @param value as given by the caller
   * @return a Double, a Long, a Boolean, a List, or null
   * @throws IllegalArgumentException if it has the wrong type or is out of range
   */
  @Nullable Object normalize(String owner, @Nullable Object value) {
    if (value == null && allowed.mayBeNone()) {
      return type == Type.PATTERNS ? defaultValue : null;
    }
    switch (type) {
      case BOOL -> {
        if (value instanceof Boolean) {
          return value;
        }
      }
      case INT, STRICT_INT -> {
        if (value instanceof Number number
            && (type == Type.INT || !isFraction(number))
            && number.doubleValue() == Math.rint(number.doubleValue())
            && Math.abs(number.doubleValue()) <= 1L << 53
            && allowed.holds(number.doubleValue())) {
          return number.longValue();
        }
      }
      case STRICT_FLOAT, FLOAT -> {
        if (value instanceof Number number
            && (type == Type.FLOAT || isFraction(number))
            && Double.isFinite(number.doubleValue())
            && allowed.holds(number.doubleValue())) {
          return number.doubleValue();
        }
      }
      case PATTERNS -> {
        if (value instanceof List<?> texts && texts.stream().allMatch(KerasOption::isPattern)) {
          return List.copyOf(texts);
        }
      }
    }
    throw new IllegalArgumentException(
        owner + ": '" + name + "' must be " + expected() + ", not " + value);
  }

  static boolean isFraction(Number number) {
    return number instanceof Double || number instanceof Float;
  }

  static boolean isPattern(@Nullable Object text) {
    if (!(text instanceof String pattern)) {
      return false;
    }
    try {
      Pattern.compile(pattern);
      return true;
    } catch (PatternSyntaxException e) {
      return false;
    }
  }

  private String expected() {
    String what =
        switch (type) {
          case BOOL -> "true or false";
          case INT -> "a whole number";
          case FLOAT -> "a finite number";
          case STRICT_FLOAT -> "a float (1.0, not 1)";
          case STRICT_INT -> "a whole number (2, not 2.0)";
          case PATTERNS -> "a list of regular expressions";
        };
    return allowed == Range.ANY || type == Type.PATTERNS ? what : what + ", " + allowed;
  }

  /** The value as the native side takes it. */
  static double encoded(@Nullable Object value) {
    if (value instanceof Boolean flag) {
      return flag ? 1 : 0;
    }
    return value instanceof Number number ? number.doubleValue() : 0;
  }
}
