package org.optibridge.torch;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * An optimizer of {@code torch.optim}: its name, keyword arguments and their defaults.
 *
 * @param name the class name, as in {@code torch.optim.Adam}
 * @param defaultLearningRate Python's default of {@code lr}
 * @param options all other keyword arguments that change the result, in Python's order
 * @param hasFusedKernel whether libtorch has one kernel that does the whole step
 */
public record TorchOptimizerSpec(
    String name, double defaultLearningRate, List<TorchOption> options, boolean hasFusedKernel) {
  // How Python runs a step, not what it computes. Their neutral values are accepted, so that a
  // configuration dumped by Python can be read.
  private static final Set<String> NEUTRAL = Set.of("foreach", "capturable", "differentiable");

  /**
   * @return the full name, {@code torch.optim.Adam}
   */
  public String qualifiedName() {
    return "torch.optim." + name;
  }

  /**
   * Completes keyword arguments by the defaults and checks all of them.
   *
   * @param kwargs those that are given
   * @return every option with its value, in order
   * @throws IllegalArgumentException naming an unknown, ill-typed or out-of-range argument
   */
  public Map<String, Object> complete(Map<String, Object> kwargs) {
    for (Map.Entry<String, Object> entry : kwargs.entrySet()) {
      checkKnown(entry.getKey(), entry.getValue());
    }
    Map<String, Object> complete = new LinkedHashMap<>();
    for (TorchOption option : options) {
      Object value = kwargs.getOrDefault(option.name(), option.defaultValue());
      complete.put(option.name(), option.normalize(qualifiedName(), value));
    }
    if (Boolean.TRUE.equals(complete.get("nesterov"))
        && (number(complete, "momentum") <= 0 || number(complete, "dampening") != 0)) {
      throw new IllegalArgumentException(
          qualifiedName() + ": 'nesterov' needs a momentum above 0 and a dampening of 0");
    }
    return complete;
  }

  private static double number(Map<String, Object> options, String name) {
    return options.get(name) instanceof Number number ? number.doubleValue() : 0;
  }

  private void checkKnown(String key, Object value) {
    if (options.stream().anyMatch(option -> option.name().equals(key)) || key.equals("fused")) {
      return;
    }
    if (NEUTRAL.contains(key)) {
      if (Boolean.TRUE.equals(value)) {
        throw new IllegalArgumentException(
            qualifiedName() + ": '" + key + "' has no meaning outside Python; leave it out");
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
    throw new IllegalArgumentException(
        qualifiedName()
            + " has no option '"
            + key
            + "'; it has "
            + options.stream().map(TorchOption::name).toList());
  }
}
