package org.optibridge.torch;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A group of parameters as an element of {@code param_groups} in torch's {@code state_dict}.
 *
 * @param options every option with its value, null for None
 * @param rate the learning rate of the last step
 * @param members positions of its parameters among all, ascending
 */
record TorchParamGroup(Map<String, @Nullable Object> options, double rate, List<Integer> members) {
  static final String RATE = "lr";
  private static final String MEMBERS = "params";

  // What only Python's step asks for, by class: there the keys must not be missing.
  private static final Map<String, String> PYTHON_ONLY =
      Map.ofEntries(
          Map.entry("SGD", "foreach differentiable fused"),
          Map.entry("Adam", "foreach capturable differentiable fused decoupled_weight_decay"),
          Map.entry("AdamW", "foreach capturable differentiable fused decoupled_weight_decay"),
          Map.entry("Adagrad", "foreach differentiable fused"),
          Map.entry("RMSprop", "foreach capturable differentiable"),
          Map.entry("Adamax", "foreach capturable differentiable"),
          Map.entry("NAdam", "foreach capturable differentiable"),
          Map.entry("RAdam", "foreach capturable differentiable"),
          Map.entry("Adadelta", "foreach capturable differentiable"),
          Map.entry("ASGD", "foreach capturable differentiable"),
          Map.entry("Rprop", "foreach capturable differentiable"),
          Map.entry("Adafactor", "foreach"));

  /** The group as Python writes it. */
  Map<String, @Nullable Object> write(TorchOptimizerSpec spec) {
    Map<String, @Nullable Object> group = new LinkedHashMap<>();
    group.put(RATE, rate);
    group.putAll(options);
    String keys = PYTHON_ONLY.getOrDefault(spec.name(), "");
    for (String key : (spec.home() == TorchPackage.TORCH ? keys : "").split(" ", -1)) {
      if (!key.isEmpty()) {
        group.put(key, pythonDefault(spec.name(), key));
      }
    }
    group.put(MEMBERS, members);
    return group;
  }

  /** Python's default of an option that optibridge does without. */
  private static @Nullable Object pythonDefault(String cls, String key) {
    return switch (key) {
      case "capturable", "differentiable" -> false;
      case "decoupled_weight_decay" -> cls.equals("AdamW");
      default -> null; // it chooses by itself
    };
  }

  /**
   * Reads a group.
   *
   * @param spec of the optimizer
   * @param place where it is, for messages
   * @param data what is there
   * @return the group with those options that are there
   * @throws IllegalArgumentException if it is no group of this optimizer
   */
  static TorchParamGroup read(TorchOptimizerSpec spec, String place, @Nullable Object data) {
    if (!(data instanceof Map<?, ?> group)) {
      throw new IllegalArgumentException(place + " is no object");
    }
    Map<String, @Nullable Object> options = new LinkedHashMap<>();
    for (TorchOption option : spec.options()) {
      if (group.containsKey(option.name())) {
        options.put(
            option.name(),
            option.normalize(place + " of " + spec.qualifiedName(), group.get(option.name())));
      }
    }
    Object rate = group.get(RATE);
    if (!(rate instanceof Number number)
        || !(number.doubleValue() >= 0)
        || !Double.isFinite(number.doubleValue())) {
      throw new IllegalArgumentException(place + ": 'lr' must be a number >= 0, not " + rate);
    }
    if (!(group.get(MEMBERS) instanceof List<?> list)) {
      throw new IllegalArgumentException(
          place + ": 'params' must be a list of the parameters' positions");
    }
    List<Integer> members = new ArrayList<>();
    for (Object position : list) {
      if (!(position instanceof Long index) || index < 0 || index > Integer.MAX_VALUE) {
        throw new IllegalArgumentException(
            place + ": 'params' must hold whole numbers from 0, not " + position);
      }
      members.add(index.intValue());
    }
    members.sort(null);
    return new TorchParamGroup(options, number.doubleValue(), members);
  }

  /** Tells where a saved group's options differ from this one's: "eps=1.0E-8, here 1.0E-6". */
  List<String> differences(TorchParamGroup saved) {
    List<String> differences = new ArrayList<>();
    saved.options.forEach(
        (name, theirs) -> {
          Object ours = options.get(name);
          if (theirs == null ? ours != null : !theirs.equals(ours)) {
            differences.add(name + "=" + theirs + ", here " + ours);
          }
        });
    return differences;
  }
}
