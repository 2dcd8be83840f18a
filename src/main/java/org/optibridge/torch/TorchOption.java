package org.optibridge.torch;

import static java.util.Objects.requireNonNull;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * A keyword argument of an optimizer of {@code torch.optim}.
 *
 * @param name as Python names it
 * @param type what values it takes
 * @param defaultValue Python's default: a Double, an Integer, a Boolean, a list of Doubles or null
 *     for None, which may stand in a list as well
 * @param allowed the values it takes
 * @param parts names of the elements of a list, or the texts of a choice; else empty
 */
public record TorchOption(
    String name, Type type, @Nullable Object defaultValue, Range allowed, List<String> parts) {
  /** Kinds of value. */
  public enum Type {
    /** A number. */
    FLOAT,
    /** A whole number. */
    INT,
    /** A boolean. */
    BOOL,
    /** As many numbers as the option has parts, as {@code betas}. */
    FLOATS,
    /** One of the option's parts, or None, which means the first. */
    CHOICE
  }

  /** Values that PyTorch accepts. Numbers are finite in any case. */
  public enum Range {
    /** Any value of the type. */
    ANY("any"),
    /** Zero or more. */
    NOT_NEGATIVE(">= 0"),
    /** Above zero. */
    POSITIVE("> 0"),
    /** Zero or less. */
    NOT_POSITIVE("<= 0"),
    /** Zero or more, below one. */
    BELOW_ONE("[0, 1)"),
    /** From zero to one. */
    UP_TO_ONE("[0, 1]"),
    /** One or more. */
    FROM_ONE(">= 1"),
    /** Zero or more, below one hundred. */
    BELOW_HUNDRED("[0, 100)"),
    /** The first of two numbers between zero and one, the second above one. */
    BELOW_THEN_ABOVE_ONE("(0, 1), then > 1"),
    /** The first of two numbers None or at least zero, the second at least zero. */
    NONE_OR_NOT_NEGATIVE("None or >= 0, then >= 0"),
    /** None or any number. */
    NONE_OR_ANY("None or any"),
    /** Between zero and one. */
    INSIDE_ONE("(0, 1)"),
    /** Two numbers of at least zero and below one, the third from zero to one. */
    BELOW_ONE_LAST_UP_TO_ONE("[0, 1), the last [0, 1]"),
    /** The first of two numbers between zero and one, the second at least zero and below one. */
    INSIDE_THEN_BELOW_ONE("(0, 1), then [0, 1)");

    private final String text;

    Range(String text) {
      this.text = text;
    }

    private boolean holds(double value, int part) {
      return switch (this) {
        case ANY, NONE_OR_ANY -> true;
        case NOT_NEGATIVE, NONE_OR_NOT_NEGATIVE -> value >= 0;
        case POSITIVE -> value > 0;
        case NOT_POSITIVE -> value <= 0;
        case BELOW_ONE -> value >= 0 && value < 1;
        case UP_TO_ONE -> value >= 0 && value <= 1;
        case FROM_ONE -> value >= 1;
        case BELOW_HUNDRED -> value >= 0 && value < 100;
        case INSIDE_ONE -> value > 0 && value < 1;
        case BELOW_ONE_LAST_UP_TO_ONE -> value >= 0 && (value < 1 || (part == 2 && value == 1));
        case INSIDE_THEN_BELOW_ONE -> (part == 0 ? value > 0 : value >= 0) && value < 1;
        case BELOW_THEN_ABOVE_ONE -> part == 0 ? value > 0 && value < 1 : value > 1;
      };
    }

    private boolean mayBeNone(int part) {
      return this == NONE_OR_ANY || (this == NONE_OR_NOT_NEGATIVE && part == 0);
    }

    @Override
    public String toString() {
      return text;
    }
  }

  static TorchOption number(String name, double defaultValue, Range allowed) {
    return new TorchOption(name, Type.FLOAT, defaultValue, allowed, List.of());
  }

  static TorchOption whole(String name, int defaultValue, Range allowed) {
    return new TorchOption(name, Type.INT, defaultValue, allowed, List.of());
  }

  static TorchOption flag(String name, boolean defaultValue) {
    return new TorchOption(name, Type.BOOL, defaultValue, Range.ANY, List.of());
  }

  static TorchOption list(String name, List<Double> defaultValue, Range allowed, String... parts) {
    return new TorchOption(name, Type.FLOATS, defaultValue, allowed, List.of(parts));
  }

  static TorchOption choice(String name, String... texts) {
    return new TorchOption(name, Type.CHOICE, null, Range.ANY, List.of(texts));
  }

  static TorchOption numberOrNone(String name, @Nullable Double defaultValue) {
    return new TorchOption(name, Type.FLOAT, defaultValue, Range.NONE_OR_ANY, List.of());
  }

  /** Returns whether Python's None is a value of it. */
  public boolean takesNone() {
    return type == Type.CHOICE || (type == Type.FLOAT && allowed.mayBeNone(0));
  }

  /**
   * @return the values it takes, as a text: {@code "any"}, {@code ">= 0"}, {@code "[0, 1)"}
   */
  public String range() {
    return type == Type.CHOICE ? String.join(", ", parts) : allowed.toString();
  }

  /**
   * Checks a value and brings it into the form of {@link #defaultValue()}.
   *
   * @param owner the optimizer, for messages
   * @param value as given by the caller
   * @return a Double, an Integer, a Boolean, a list of Doubles, a text, or null
   * @throws IllegalArgumentException if it has the wrong type or is out of range
   */
  @Nullable Object normalize(String owner, @Nullable Object value) {
    return switch (type) {
      case FLOAT -> value == null && takesNone() ? null : number(owner, value, value, 0);
      case INT -> whole(owner, value);
      case BOOL -> {
        if (value instanceof Boolean) {
          yield value;
        }
        throw wrong(owner, "true or false", value);
      }
      case FLOATS -> numbers(owner, value);
      case CHOICE -> {
        if (value == null || (value instanceof String text && parts.contains(text))) {
          yield value;
        }
        throw wrong(owner, "None or one of " + parts, value);
      }
    };
  }

  private Integer whole(String owner, @Nullable Object value) {
    double exact = number(owner, value, value, 0);
    if (exact != (int) exact) {
      throw wrong(owner, expected(), value);
    }
    return (int) exact;
  }

  private List<@Nullable Object> numbers(String owner, @Nullable Object value) {
    if (!(value instanceof List<?> list) || list.size() != parts.size()) {
      throw wrong(owner, expected(), value);
    }
    List<@Nullable Object> numbers = new ArrayList<>();
    for (int i = 0; i < parts.size(); i++) {
      Object part = list.get(i);
      boolean none = part == null && allowed.mayBeNone(i);
      numbers.add(none ? null : number(owner, part, value, i));
    }
    return Collections.unmodifiableList(numbers);
  }

  private Double number(String owner, @Nullable Object number, @Nullable Object given, int part) {
    if (number instanceof Number one
        && Double.isFinite(one.doubleValue())
        && allowed.holds(one.doubleValue(), part)) {
      return one.doubleValue();
    }
    throw wrong(owner, expected(), given);
  }

  private String expected() {
    String what =
        switch (type) {
          case INT -> "a whole number";
          case FLOATS ->
              "a list of " + (parts.size() == 2 ? "two" : parts.size()) + " finite numbers";
          default -> "a finite number";
        };
    return allowed == Range.ANY ? what : what + " " + allowed;
  }

  /** Hands a normalized value to the native side, as numbers with names. */
  void encode(@Nullable Object value, BiConsumer<String, Double> out) {
    switch (type) {
      case BOOL -> out.accept(name, Boolean.TRUE.equals(value) ? 1.0 : 0.0);
      case FLOAT, INT -> out.accept(name, encoded(value));
      case FLOATS -> {
        List<?> list = (List<?>) requireNonNull(value);
        for (int i = 0; i < parts.size(); i++) {
          out.accept(parts.get(i), encoded(list.get(i)));
        }
      }
      // One number for each text but the first.
      case CHOICE -> {
        for (String text : parts.subList(1, parts.size())) {
          out.accept(text, text.equals(value) ? 1.0 : 0.0);
        }
      }
    }
  }

  /** None is NaN there. */
  private static double encoded(@Nullable Object value) {
    return value instanceof Number number ? number.doubleValue() : Double.NaN;
  }

  private IllegalArgumentException wrong(String owner, String expected, @Nullable Object value) {
    return new IllegalArgumentException(
        owner + ": '" + name + "' must be " + expected + ", not " + value);
  }
}
