package org.optibridge.optimizer;

/** Checks of hyper-parameters, with errors that name the stage, the entry and the range. */
public final class Require {
  private Require() {}

  private static double require(
      boolean good, String owner, String key, String range, double value) {
    if (!good) {
      throw new IllegalArgumentException(
          owner + ": '" + key + "' must be " + range + ", not " + value);
    }
    return value;
  }

  /**
   * @param owner the registered name
   * @param key the hyper-parameter
   * @param value checked
   * @return the value
   */
  public static double finite(String owner, String key, double value) {
    return require(Double.isFinite(value), owner, key, "a finite number", value);
  }

  /**
   * @param owner the registered name
   * @param key the hyper-parameter
   * @param value checked
   * @return the value
   */
  public static double positive(String owner, String key, double value) {
    return require(
        value > 0 && Double.isFinite(value), owner, key, "a positive finite number", value);
  }

  /**
   * @param owner the registered name
   * @param key the hyper-parameter
   * @param value checked
   * @return the value
   */
  public static double notNegative(String owner, String key, double value) {
    return require(
        value >= 0 && Double.isFinite(value), owner, key, "a finite number, at least 0", value);
  }

  /**
   * @param owner the registered name
   * @param key the hyper-parameter: the share of the past that an average keeps
   * @param value checked
   * @return the value
   */
  public static double share(String owner, String key, double value) {
    return require(value >= 0 && value < 1, owner, key, "at least 0 and below 1", value);
  }

  /**
   * @param owner the registered name
   * @param key the hyper-parameter: a number of steps, rounds or the like
   * @param value checked
   * @param least the least it may be
   * @return the value
   */
  public static long count(String owner, String key, long value, long least) {
    // Up to here a double, hence a config, holds every whole number.
    if (value < least || value > 1L << 53) {
      throw new IllegalArgumentException(
          owner
              + ": '"
              + key
              + "' must be a whole number from "
              + least
              + " to 2^53, not "
              + value);
    }
    return value;
  }

  /**
   * @param owner whose state it is, for messages
   * @param state holds the count
   * @param key the count's name
   * @return the count
   * @throws IllegalArgumentException if it is missing, or no whole number from 0 to 2^53
   */
  public static long savedCount(String owner, State state, String key) {
    double count = state.number(key);
    if (count < 0 || count != Math.rint(count) || count > 1L << 53) {
      throw new IllegalArgumentException(
          owner + ": '" + key + "' of the state is " + count + ", not a count");
    }
    return (long) count;
  }
}
