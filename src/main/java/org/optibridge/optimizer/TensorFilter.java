package org.optibridge.optimizer;

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
 * Says which tensors a regularizer or the weight decay acts on. Biases and the parameters of norms
 * are usually left out: {@code TensorFilter.excluding("*.bias")}, or {@link #matricesOnly()}. Not
 * thread-safe, like the stage that owns it.
 */
public final class TensorFilter {
  private static final String EXCLUDE = "exclude";
  private static final String MIN_DIMS = "min_dims";

  private final Predicate<TensorSpec> predicate;
  private final List<String> globs;
  private final long minDims;
  private final boolean described;
  // The last answer: training asks for the same tensors at every step.
  private @Nullable VectorSpec lastSpec;
  private boolean[] last = {};
  private boolean lastIsAll;

  private TensorFilter(
      Predicate<TensorSpec> predicate, List<String> globs, long minDims, boolean described) {
    this.predicate = predicate;
    this.globs = globs;
    this.minDims = minDims;
    this.described = described;
  }

  /** Returns the filter that lets all tensors through. */
  public static TensorFilter all() {
    return of(List.of(), 0);
  }

  /**
   * @param globs patterns of names, in which {@code *} stands for any characters
   * @return a filter that leaves out tensors of these names
   */
  public static TensorFilter excluding(String... globs) {
    return of(List.of(globs), 0);
  }

  /** Returns a filter that leaves out tensors of fewer than two dimensions. */
  public static TensorFilter matricesOnly() {
    return of(List.of(), 2);
  }

  /**
   * @param predicate whether to act on a tensor; always the same answer for the same one
   * @return a filter that can't be written to a config
   */
  public static TensorFilter of(Predicate<TensorSpec> predicate) {
    return new TensorFilter(predicate, List.of(), 0, false);
  }

  private static TensorFilter of(List<String> globs, long minDims) {
    List<Pattern> patterns = globs.stream().map(TensorFilter::pattern).toList();
    return new TensorFilter(
        tensor ->
            tensor.shape().length >= minDims
                && patterns.stream().noneMatch(p -> p.matcher(tensor.name()).matches()),
        globs,
        minDims,
        true);
  }

  private static Pattern pattern(String glob) {
    return Pattern.compile(
        Stream.of(glob.split("\\*", -1)).map(Pattern::quote).collect(Collectors.joining(".*")));
  }

  /**
   * Reads the entries {@code exclude} and {@code min_dims}.
   *
   * @param config of the stage that has the filter
   * @return the filter; {@link #all()} if there are no such entries
   * @throws IllegalArgumentException if they are ill-typed
   */
  public static TensorFilter from(ConfigReader config) {
    return of(
        config.list(EXCLUDE).stream().map(String::valueOf).toList(), config.integer(MIN_DIMS, 0));
  }

  /**
   * Writes what {@link #from} reads.
   *
   * @param config where to
   * @throws IllegalStateException if this is a predicate of the program
   */
  public void addTo(Map<String, Object> config) {
    if (!described) {
      throw new IllegalStateException(
          "A filter given as a predicate can't be written to a config; use excluding(…)");
    }
    if (!globs.isEmpty()) {
      config.put(EXCLUDE, globs);
    }
    if (minDims > 0) {
      config.put(MIN_DIMS, minDims);
    }
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
