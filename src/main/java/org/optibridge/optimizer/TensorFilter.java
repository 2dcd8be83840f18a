package org.optibridge.optimizer;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorSpec;

/**
 * Says which tensors a regularizer, the weight decay or a group's options act on. Biases and the
 * parameters of norms are usually left out: {@code TensorFilter.excluding("*.bias")}, or {@link
 * #matricesOnly()}. Not thread-safe, like the stage that owns it.
 */
public final class TensorFilter {
  private static final String INCLUDE = "include";
  private static final String EXCLUDE = "exclude";
  private static final String MIN_DIMS = "min_dims";
  private static final String MAX_DIMS = "max_dims";

  /** What a config says; without names to include, all are. */
  private record Rule(
      @Nullable List<String> include, List<String> exclude, long minDims, @Nullable Long maxDims) {
    static final Rule ALL = new Rule(null, List.of(), 0, null);

    Predicate<TensorSpec> predicate() {
      Predicate<String> included = include == null ? name -> true : matching(include);
      Predicate<String> excluded = matching(exclude);
      return tensor -> {
        int dims = tensor.shape().length;
        return dims >= minDims
            && (maxDims == null || dims <= maxDims)
            && included.test(tensor.name())
            && !excluded.test(tensor.name());
      };
    }
  }

  private final Predicate<TensorSpec> predicate;
  // Null for a predicate of the program.
  private final @Nullable Rule rule;
  // The last answer: training asks for the same tensors at every step.
  private @Nullable VectorSpec lastSpec;
  private boolean[] last = {};
  private boolean lastIsAll;

  private TensorFilter(Predicate<TensorSpec> predicate, @Nullable Rule rule) {
    this.predicate = predicate;
    this.rule = rule;
  }

  private static TensorFilter of(Rule rule) {
    return new TensorFilter(rule.predicate(), rule);
  }

  /** Returns the filter that lets all tensors through. */
  public static TensorFilter all() {
    return of(Rule.ALL);
  }

  /**
   * @param globs patterns of names, in which {@code *} stands for any characters
   * @return a filter that lets through tensors of these names only
   */
  public static TensorFilter including(String... globs) {
    return of(new Rule(List.of(globs), List.of(), 0, null));
  }

  /**
   * @param globs patterns of names, in which {@code *} stands for any characters
   * @return a filter that leaves out tensors of these names
   */
  public static TensorFilter excluding(String... globs) {
    return of(new Rule(null, List.of(globs), 0, null));
  }

  /** Returns a filter that leaves out tensors of fewer than two dimensions. */
  public static TensorFilter matricesOnly() {
    return of(new Rule(null, List.of(), 2, null));
  }

  /**
   * Returns a filter that lets through tensors of fewer than two dimensions only: biases, the
   * parameters of norms, scalars.
   */
  public static TensorFilter vectorsOnly() {
    return of(new Rule(null, List.of(), 0, 1L));
  }

  /**
   * @param globs patterns of names, in which {@code *} stands for any characters
   * @return a filter that lets through what this one does, but no tensors of these names
   * @throws IllegalStateException if this is a predicate of the program
   */
  public TensorFilter without(String... globs) {
    if (rule == null) {
      throw new IllegalStateException("A predicate says itself what it leaves out");
    }
    List<String> exclude = Stream.concat(rule.exclude().stream(), Stream.of(globs)).toList();
    return of(new Rule(rule.include(), exclude, rule.minDims(), rule.maxDims()));
  }

  /**
   * @param predicate whether to act on a tensor; always the same answer for the same one
   * @return a filter that can't be written to a config
   */
  public static TensorFilter of(Predicate<TensorSpec> predicate) {
    return new TensorFilter(predicate, null);
  }

  private static Predicate<String> matching(List<String> globs) {
    List<Pattern> patterns = globs.stream().map(TensorFilter::pattern).toList();
    return name -> patterns.stream().anyMatch(pattern -> pattern.matcher(name).matches());
  }

  private static Pattern pattern(String glob) {
    return Pattern.compile(
        Stream.of(glob.split("\\*", -1)).map(Pattern::quote).collect(Collectors.joining(".*")));
  }

  /**
   * Reads the entries {@code include}, {@code exclude}, {@code min_dims} and {@code max_dims}; a
   * tensor has to satisfy all that are there.
   *
   * @param config of the stage that has the filter
   * @return the filter; {@link #all()} if there are no such entries
   * @throws IllegalArgumentException if they are ill-typed
   */
  public static TensorFilter from(ConfigReader config) {
    boolean includes = config.value(INCLUDE, null) != null;
    List<String> include = texts(config.list(INCLUDE));
    return of(
        new Rule(
            includes ? include : null,
            texts(config.list(EXCLUDE)),
            config.integer(MIN_DIMS, 0),
            config.optionalInteger(MAX_DIMS)));
  }

  private static List<String> texts(List<?> globs) {
    return globs.stream().map(String::valueOf).toList();
  }

  /**
   * Writes what {@link #from} reads.
   *
   * @param config where to
   * @throws IllegalStateException if this is a predicate of the program
   */
  public void addTo(Map<String, Object> config) {
    if (rule == null) {
      throw new IllegalStateException(
          "A filter given as a predicate can't be written to a config; use excluding(…)");
    }
    if (rule.include() != null) {
      config.put(INCLUDE, rule.include());
    }
    if (!rule.exclude().isEmpty()) {
      config.put(EXCLUDE, rule.exclude());
    }
    if (rule.minDims() > 0) {
      config.put(MIN_DIMS, rule.minDims());
    }
    if (rule.maxDims() != null) {
      config.put(MAX_DIMS, rule.maxDims());
    }
  }

  /**
   * @param tensor a tensor of the weights
   * @return whether the filter lets it through
   */
  public boolean accepts(TensorSpec tensor) {
    return predicate.test(tensor);
  }

  @Override
  public String toString() {
    if (rule == null) {
      return "a predicate";
    }
    Map<String, Object> config = new LinkedHashMap<>();
    addTo(config);
    return config.isEmpty() ? "all tensors" : config.toString();
  }

  /**
   * Scales the tensors it lets through and makes the others zero.
   *
   * @param vector any vector
   * @param factor the scale
   * @return an expression
   */
  public Vector scale(Vector vector, double factor) {
    VectorSpec spec = vector.spec();
    if (lastSpec == null || !spec.equals(lastSpec)) {
      last = new boolean[spec.size()];
      lastIsAll = true;
      for (int i = 0; i < last.length; i++) {
        last[i] = predicate.test(spec.tensors().get(i));
        lastIsAll &= last[i];
      }
      lastSpec = spec;
    }
    if (lastIsAll) {
      return vector.times(factor);
    }
    double[] factors = new double[last.length];
    for (int i = 0; i < factors.length; i++) {
      factors[i] = last[i] ? factor : 0;
    }
    return vector.timesEach(factors);
  }
}
