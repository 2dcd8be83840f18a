package org.optibridge.torch;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** What an archive's {@code optibridge.json} says; everything in it is checked. */
final class ProgramMetadata {
  static final int FORMAT = 1;

  private static final Pattern IDENTIFIER = Pattern.compile("[A-Za-z_][A-Za-z0-9_]{0,63}");
  private static final Set<String> RESERVED =
      Set.of("param", "grad", "step", "lr", "fused", "self");
  private static final int MAX_ENTRIES = 64;

  /**
   * A tensor that the program keeps.
   *
   * @param kind 0 like the parameter, 1 a float32 number
   */
  record StateTensor(String name, int kind, double initial) {}

  final String name;
  final double learningRate;
  final boolean elementWise;
  final boolean readsWeights;
  final boolean inPlace;
  final boolean flat;
  final @Nullable String torch;
  final List<String> processor = new ArrayList<>();
  final List<String> options = new ArrayList<>();
  final List<Integer> optionKinds = new ArrayList<>();
  final List<StateTensor> states = new ArrayList<>();

  private final ImportedOptimizer.Builder builder;
  private final Set<String> names = new HashSet<>(RESERVED);

  private ProgramMetadata(Entries entries) {
    Double format = entries.number("format", null);
    if (format != FORMAT) {
      throw new IllegalArgumentException(
          "its format is " + format + ", this optibridge reads " + FORMAT + ": export it again");
    }
    name = entries.identifier("name");
    learningRate = entries.number("learning_rate", 1e-3);
    if (learningRate < 0) {
      throw new IllegalArgumentException("'learning_rate' must be >= 0, not " + learningRate);
    }
    elementWise = entries.flag("element_wise", false);
    readsWeights = entries.flag("reads_weights", true);
    inPlace = entries.flag("in_place", false);
    flat = entries.flag("flat", true);
    if (elementWise && !flat) {
      throw new IllegalArgumentException("'element_wise' needs 'flat'");
    }
    torch = entries.text("torch");
    for (Object flag : entries.list("cpu_flags")) {
      if (!(flag instanceof String text && IDENTIFIER.matcher(text).matches())) {
        throw new IllegalArgumentException("'cpu_flags' must be names");
      }
      processor.add(text);
    }
    builder = new ImportedOptimizer.Builder("program:" + name, learningRate, readsWeights);
    for (Object option : entries.list("options")) {
      option(new Entries(option, "an option"));
    }
    for (Object state : entries.list("state")) {
      state(new Entries(state, "a state"));
    }
    entries.requireNoMore();
  }

  /**
   * Reads the text of {@code optibridge.json}.
   *
   * @throws IllegalArgumentException that says what is wrong with it
   */
  static ProgramMetadata parse(String text) {
    return new ProgramMetadata(new Entries(JsonText.parse(text), "optibridge.json"));
  }

  ImportedOptimizer optimizer(String className) {
    return builder.build(className);
  }

  private void option(Entries entries) {
    String option = unique(entries);
    String type = entries.text("type");
    int kind =
        switch (type == null ? "float" : type) {
          case "float" -> ImportedOptimizer.NUMBER;
          case "int" -> ImportedOptimizer.WHOLE;
          case "bool" -> ImportedOptimizer.FLAG;
          default ->
              throw new IllegalArgumentException(
                  "option '" + option + "' has the type " + type + ", not float, int or bool");
        };
    double byDefault =
        kind == ImportedOptimizer.FLAG
            ? (entries.flag("default", null) ? 1 : 0)
            : entries.number("default", null);
    double low = entries.number("minimum", Double.NEGATIVE_INFINITY);
    double above = entries.number("exclusiveMinimum", Double.NEGATIVE_INFINITY);
    double high = entries.number("maximum", Double.POSITIVE_INFINITY);
    double below = entries.number("exclusiveMaximum", Double.POSITIVE_INFINITY);
    entries.requireNoMore();
    builder.option(
        kind,
        byDefault,
        new OptionBounds(
            option,
            Math.max(low, above),
            Math.min(high, below),
            above >= low && above != Double.NEGATIVE_INFINITY,
            below <= high && below != Double.POSITIVE_INFINITY));
    options.add(option);
    optionKinds.add(kind);
  }

  private void state(Entries entries) {
    String state = unique(entries);
    String kind = entries.text("kind");
    if (kind != null && !Set.of("like", "scalar").contains(kind)) {
      throw new IllegalArgumentException(
          "state '" + state + "' is of the kind " + kind + ", not like or scalar");
    }
    double initial = entries.number("initial", 0.0);
    entries.requireNoMore();
    states.add(new StateTensor(state, "scalar".equals(kind) ? 1 : 0, initial));
  }

  private String unique(Entries entries) {
    String one = entries.identifier("name");
    if (!names.add(one)) {
      throw new IllegalArgumentException(
          "'"
              + one
              + "' is there twice, or one of the names that stand for something else: "
              + RESERVED);
    }
    return one;
  }

  /** The entries of an object, each to be taken once. */
  private static final class Entries {
    private final Map<?, ?> map;
    private final String what;
    private final Set<Object> left;

    Entries(@Nullable Object value, String what) {
      if (!(value instanceof Map<?, ?> object)) {
        throw new IllegalArgumentException(what + " is no JSON object");
      }
      map = object;
      this.what = what;
      left = new HashSet<>(object.keySet());
    }

    private @Nullable Object take(String key) {
      left.remove(key);
      return map.get(key);
    }

    String identifier(String key) {
      if (take(key) instanceof String text && IDENTIFIER.matcher(text).matches()) {
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

    @Nullable String text(String key) {
      Object value = take(key);
      if (value == null || value instanceof String) {
        return (String) value;
      }
      throw new IllegalArgumentException("'" + key + "' of " + what + " must be a text");
    }

    /** Null for `otherwise`: it must be there. */
    double number(String key, @Nullable Double otherwise) {
      Object value = take(key);
      if (value == null && otherwise != null) {
        return otherwise;
      }
      if (value instanceof Double number && Double.isFinite(number)) {
        return number;
      }
      throw new IllegalArgumentException("'" + key + "' of " + what + " must be a finite number");
    }

    boolean flag(String key, @Nullable Boolean otherwise) {
      Object value = take(key);
      if (value == null && otherwise != null) {
        return otherwise;
      }
      if (value instanceof Boolean flag) {
        return flag;
      }
      throw new IllegalArgumentException("'" + key + "' of " + what + " must be true or false");
    }

    List<?> list(String key) {
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

    void requireNoMore() {
      if (!left.isEmpty()) {
        throw new IllegalArgumentException(what + " has the unknown entries " + left);
      }
    }
  }
}
