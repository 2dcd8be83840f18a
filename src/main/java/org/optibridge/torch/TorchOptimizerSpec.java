package org.optibridge.torch;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.NearestName;

/**
 * An optimizer of {@code torch.optim}, or of a package beside it: its name, keyword arguments and
 * their defaults.
 *
 * @param home the Python package it is in
 * @param name the class name, as in {@code torch.optim.Adam}
 * @param defaultLearningRate Python's default of {@code lr}
 * @param options all other keyword arguments that change the result, in Python's order
 * @param hasFusedKernel whether libtorch has one kernel that does the whole step
 * @param readsWeights whether a step depends on the weights whatever the options; if not, it does
 *     if {@code weight_decay} is not 0
 */
public record TorchOptimizerSpec(
    TorchPackage home,
    String name,
    double defaultLearningRate,
    List<TorchOption> options,
    boolean hasFusedKernel,
    boolean readsWeights) {
  // How Python runs a step, not what it computes: accepted, so that a configuration dumped by
  // Python can be read.
  private static final Set<String> NEUTRAL = Set.of("foreach", "capturable", "differentiable");
  private static final Map<String, String> REFUSED =
      Map.of(
          "capturable", "steps are not captured into CUDA graphs here",
          "differentiable", "there is no automatic differentiation through a step here");

  /**
   * @return the full name: {@code torch.optim.Adam}, {@code plugin:Lion}, {@code program:Lamb}
   */
  public String qualifiedName() {
    return home.prefix() + name;
  }

  /** What the native side calls it. */
  String nativeName() {
    return home == TorchPackage.TORCH ? name : qualifiedName();
  }

  /** Returns whether gradients must be sparse: {@link org.optibridge.vector.SparseGradients}. */
  public boolean takesSparseOnly() {
    return name.equals("SparseAdam");
  }

  /** Returns the learning rates it takes, as a text: {@code ">= 0"}. */
  public String rateRange() {
    return takesSparseOnly() ? "> 0" : ">= 0";
  }

  /**
   * Completes keyword arguments by the defaults and checks all of them.
   *
   * @param kwargs those that are given
   * @return every option with its value, null for None, in order
   * @throws IllegalArgumentException naming an unknown, ill-typed or out-of-range argument
   */
  public Map<String, @Nullable Object> complete(Map<String, Object> kwargs) {
    for (Map.Entry<String, Object> entry : kwargs.entrySet()) {
      checkKnown(entry.getKey(), entry.getValue());
    }
    Map<String, @Nullable Object> complete = new LinkedHashMap<>();
    for (TorchOption option : options) {
      String key = option.name();
      Object value = kwargs.containsKey(key) ? kwargs.get(key) : option.defaultValue();
      complete.put(option.name(), option.normalize(qualifiedName(), value));
    }
    if (home.checksNesterov()
        && Boolean.TRUE.equals(complete.get("nesterov"))
        && (number(complete, "momentum") <= 0 || number(complete, "dampening") != 0)) {
      throw new IllegalArgumentException(
          qualifiedName() + ": 'nesterov' needs a momentum above 0 and a dampening of 0");
    }
    return complete;
  }

  /**
   * Whether a step depends on the weights.
   *
   * @param options as {@link #complete} returns them
   */
  boolean readsWeights(Map<String, @Nullable Object> options) {
    return readsWeights || number(options, "weight_decay") != 0;
  }

  /** Options as the native side takes them. */
  record Encoded(List<String> names, List<Double> values) {
    /** Returns the names, joined by line ends. */
    String joinedNames() {
      return String.join("\n", names);
    }

    double[] array() {
      return values.stream().mapToDouble(Double::doubleValue).toArray();
    }
  }

  /**
   * @param options as {@link #complete} returns them
   */
  Encoded encode(Map<String, @Nullable Object> options) {
    List<String> names = new ArrayList<>();
    List<Double> values = new ArrayList<>();
    for (TorchOption option : this.options) {
      option.encode(
          options.get(option.name()),
          (name, value) -> {
            names.add(name);
            values.add(value);
          });
    }
    return new Encoded(names, values);
  }

  private static double number(Map<String, @Nullable Object> options, String name) {
    return options.get(name) instanceof Number number ? number.doubleValue() : 0;
  }

  private void checkKnown(String key, @Nullable Object value) {
    if (options.stream().anyMatch(option -> option.name().equals(key)) || key.equals("fused")) {
      return;
    }
    if (NEUTRAL.contains(key)) {
      if (value instanceof Boolean flag) {
        if (flag && REFUSED.containsKey(key)) {
          throw new IllegalArgumentException(
              qualifiedName() + ": '" + key + "' can't be true: " + REFUSED.get(key));
        }
      } else if (value != null) {
        throw new IllegalArgumentException(
            qualifiedName() + ": '" + key + "' must be true, false or None, not " + value);
      }
      return;
    }
    if (key.equals("lr")) {
      if (value instanceof Number rate && rate.doubleValue() == 1.0) {
        return;
      }
      throw new IllegalArgumentException(
          qualifiedName()
              + ": 'lr' is set on the pipeline, Optimizer.builder().learningRate(…); inside a"
              + " module it is always 1.0");
    }
    List<String> known = options.stream().map(TorchOption::name).toList();
    throw new IllegalArgumentException(
        qualifiedName()
            + " has no option '"
            + key
            + "'"
            + NearestName.hint(key, known)
            + " It has "
            + known);
  }
}
