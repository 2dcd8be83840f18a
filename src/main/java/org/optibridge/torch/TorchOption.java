package org.optibridge.torch;

import java.util.List;

/**
 * A keyword argument of an optimizer of {@code torch.optim}.
 *
 * @param name as Python names it
 * @param type what values it takes
 * @param defaultValue Python's default: a Double, a Boolean or a list of two Doubles
 * @param allowed the values it takes
 */
public record TorchOption(String name, Type type, Object defaultValue, Range allowed) {
  /** Kinds of value. */
  public enum Type {
    /** A number. */
    FLOAT,
    /** A boolean. */
    BOOL,
    /** Two numbers, as {@code betas}. */
    FLOAT_PAIR
  }

  /** Values that PyTorch accepts. */
  public enum Range {
    /** Any value of the type. */
    ANY("any"),
    /** Zero or more. */
    NOT_NEGATIVE(">= 0"),
    /** Zero or more, below one. */
    BELOW_ONE("[0, 1)");

    private final String text;

    Range(String text) {
      this.text = text;
    }

    private boolean holds(double value) {
      return switch (this) {
        case ANY -> true;
        case NOT_NEGATIVE -> value >= 0;
        case BELOW_ONE -> value >= 0 && value < 1;
      };
    }

    @Override
    public String toString() {
      return text;
    }
  }

  /**
   * @return the values it takes, as a text: {@code "any"}, {@code ">= 0"}, {@code "[0, 1)"}
   */
  public String range() {
    return allowed.toString();
  }

  /**
   * Checks a value and brings it into the form of {@link #defaultValue()}.
   *
   * @param owner the optimizer, for messages
   * @param value as given by the caller
   * @return a Double, a Boolean or a list of two Doubles
   * @throws IllegalArgumentException if it has the wrong type or is out of range
   */
  Object normalize(String owner, Object value) {
    return switch (type) {
      case BOOL -> {
        if (value instanceof Boolean) {
          yield value;
        }
        throw wrong(owner, "true or false", value);
      }
      case FLOAT -> number(owner, value);
      case FLOAT_PAIR -> {
        if (value instanceof List<?> pair && pair.size() == 2) {
          yield List.of(number(owner, pair.get(0)), number(owner, pair.get(1)));
        }
        throw wrong(owner, "a list of two numbers", value);
      }
    };
  }

  private Double number(String owner, Object value) {
    if (!(value instanceof Number number)) {
      throw wrong(owner, type == Type.FLOAT ? "a number" : "a list of two numbers", value);
    }
    double exact = number.doubleValue();
    if (!Double.isFinite(exact) || !allowed.holds(exact)) {
      throw wrong(owner, "a finite number" + (allowed == Range.ANY ? "" : " " + allowed), value);
    }
    return exact;
  }

  private IllegalArgumentException wrong(String owner, String expected, Object value) {
    return new IllegalArgumentException(
        owner + ": '" + name + "' must be " + expected + ", not " + value);
  }
}
