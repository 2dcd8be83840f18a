package org.optibridge.trust;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * What an exported program's {@code optibridge.json} says of the optimizer, whatever framework runs
 * it; everything is checked.
 *
 * @param name the optimizer's
 * @param learningRate the default
 * @param elementWise whether no element's step depends on another element
 * @param readsWeights whether the step depends on the weights
 * @param flat whether tensors are handed over flattened
 * @param options the options, in the program's order
 * @param states the state tensors, in the program's order
 */
public record ProgramDescription(
    String name,
    double learningRate,
    boolean elementWise,
    boolean readsWeights,
    boolean flat,
    List<Option> options,
    List<StateTensor> states) {
  private static final int FORMAT = 1;

  /** Kinds of option. */
  public enum Type {
    /** A number. */
    FLOAT,
    /** A whole number. */
    INT,
    /** A boolean, 0 or 1. */
    BOOL
  }

  /**
   * An option.
   *
   * @param type its kind
   * @param byDefault its default, in the bounds if it is a number
   * @param bounds its name and the values that it takes
   */
  public record Option(Type type, double byDefault, OptionBounds bounds) {
    /** Returns its name. */
    public String name() {
      return bounds.option();
    }
  }

  /**
   * A tensor that the program keeps.
   *
   * @param name its name
   * @param kind one of the kinds that the reader knows, such as {@code "like"} the parameter
   * @param initial what its elements start with
   */
  public record StateTensor(String name, String kind, double initial) {}

  /** Copies the lists. */
  public ProgramDescription {
    options = List.copyOf(options);
    states = List.copyOf(states);
  }

  /**
   * Takes the entries that all programs have; the caller takes the others and then refuses what is
   * left.
   *
   * @param entries of {@code optibridge.json}
   * @param reserved names that options and states may not have
   * @param kinds the kinds of state tensor, the default first
   * @return what they say
   * @throws IllegalArgumentException that says what is wrong
   */
  public static ProgramDescription take(
      JsonEntries entries, Collection<String> reserved, List<String> kinds) {
    double format = entries.number("format", null);
    if (format != FORMAT) {
      throw new IllegalArgumentException(
          "its format is " + format + ", this optibridge reads " + FORMAT + ": export it again");
    }
    String name = entries.identifier("name");
    double learningRate = entries.number("learning_rate", 1e-3);
    if (learningRate < 0) {
      throw new IllegalArgumentException("'learning_rate' must be >= 0, not " + learningRate);
    }
    boolean elementWise = entries.flag("element_wise", false);
    boolean readsWeights = entries.flag("reads_weights", true);
    boolean flat = entries.flag("flat", true);
    if (elementWise && !flat) {
      throw new IllegalArgumentException("'element_wise' needs 'flat'");
    }
    Set<String> names = new HashSet<>(reserved);
    List<Option> options = new ArrayList<>();
    for (Object one : entries.list("options")) {
      options.add(option(JsonEntries.of(one, "an option"), names, reserved));
    }
    List<StateTensor> states = new ArrayList<>();
    for (Object one : entries.list("state")) {
      states.add(state(JsonEntries.of(one, "a state"), names, reserved, kinds));
    }
    return new ProgramDescription(
        name, learningRate, elementWise, readsWeights, flat, options, states);
  }

  private static Option option(
      JsonEntries entries, Set<String> names, Collection<String> reserved) {
    String option = unique(entries, names, reserved);
    @Nullable String text = entries.text("type");
    Type type =
        switch (text == null ? "float" : text) {
          case "float" -> Type.FLOAT;
          case "int" -> Type.INT;
          case "bool" -> Type.BOOL;
          default ->
              throw new IllegalArgumentException(
                  "option '" + option + "' has the type " + text + ", not float, int or bool");
        };
    double byDefault =
        type == Type.BOOL
            ? (entries.flag("default", null) ? 1 : 0)
            : entries.number("default", null);
    double low = entries.number("minimum", Double.NEGATIVE_INFINITY);
    double above = entries.number("exclusiveMinimum", Double.NEGATIVE_INFINITY);
    double high = entries.number("maximum", Double.POSITIVE_INFINITY);
    double below = entries.number("exclusiveMaximum", Double.POSITIVE_INFINITY);
    entries.requireNoMore();
    OptionBounds bounds =
        new OptionBounds(
            option,
            Math.max(low, above),
            Math.min(high, below),
            above >= low && above != Double.NEGATIVE_INFINITY,
            below <= high && below != Double.POSITIVE_INFINITY);
    if (type != Type.BOOL
        && !(bounds.hold(byDefault) && (type != Type.INT || byDefault == (int) byDefault))) {
      throw new IllegalArgumentException(
          "the default of option '" + option + "' is not a value that it takes");
    }
    return new Option(type, byDefault, bounds);
  }

  private static StateTensor state(
      JsonEntries entries, Set<String> names, Collection<String> reserved, List<String> kinds) {
    String state = unique(entries, names, reserved);
    @Nullable String kind = entries.text("kind");
    if (kind != null && !kinds.contains(kind)) {
      throw new IllegalArgumentException(
          "state '" + state + "' is of the kind " + kind + ", not " + String.join(" or ", kinds));
    }
    double initial = entries.number("initial", 0.0);
    entries.requireNoMore();
    return new StateTensor(state, kind == null ? kinds.get(0) : kind, initial);
  }

  private static String unique(
      JsonEntries entries, Set<String> names, Collection<String> reserved) {
    String one = entries.identifier("name");
    if (!names.add(one)) {
      throw new IllegalArgumentException(
          "'"
              + one
              + "' is there twice, or one of the names that stand for something else: "
              + new TreeSet<>(reserved));
    }
    return one;
  }

  @Override
  public String toString() {
    return String.format(Locale.ROOT, "%s%s with %s", name, options, states);
  }
}
