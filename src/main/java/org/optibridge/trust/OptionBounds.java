package org.optibridge.trust;

import java.util.Map;

/**
 * The values that an option of a user's optimizer takes.
 *
 * @param option its name
 * @param least the least value, or minus infinity
 * @param greatest the greatest value, or infinity
 * @param aboveLeast whether the least value itself is excluded
 * @param belowGreatest whether the greatest value itself is excluded
 */
public record OptionBounds(
    String option, double least, double greatest, boolean aboveLeast, boolean belowGreatest) {

  /**
   * @param value a number
   * @return whether it is in these bounds
   */
  public boolean hold(double value) {
    return (aboveLeast ? value > least : value >= least)
        && (belowGreatest ? value < greatest : value <= greatest);
  }

  /**
   * Checks the option among those given, whose types are right.
   *
   * @param owner the optimizer, for the message
   * @param options options by name; this one may be missing
   * @throws IllegalArgumentException if it is there and out of bounds
   */
  public void check(String owner, Map<String, ?> options) {
    if (options.get(option) instanceof Number number && !hold(number.doubleValue())) {
      throw new IllegalArgumentException(
          owner + ": '" + option + "' must be a number in " + this + ", not " + number);
    }
  }

  @Override
  public String toString() {
    return (aboveLeast || least == Double.NEGATIVE_INFINITY ? "(" : "[")
        + text(least)
        + ", "
        + text(greatest)
        + (belowGreatest || greatest == Double.POSITIVE_INFINITY ? ")" : "]");
  }

  private static String text(double bound) {
    if (Double.isInfinite(bound)) {
      return bound < 0 ? "-inf" : "inf";
    }
    String text = String.valueOf(bound);
    return text.endsWith(".0") ? text.substring(0, text.length() - 2) : text;
  }
}
