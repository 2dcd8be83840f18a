package org.optibridge.tensorflow;

import static java.util.Objects.requireNonNull;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.NearestName;

/**
 * What {@code keras.optimizers.LossScaleOptimizer} adds to the optimizer that it wraps.
 *
 * @param initialScale the first factor of the loss; a float32 above 0
 * @param growthSteps steps in a row with finite gradients until the factor doubles; below 1 it
 *     never does
 */
record KerasLossScale(double initialScale, long growthSteps) {
  static final String CLASS = "LossScaleOptimizer";

  private static final String OWNER = "keras.optimizers." + CLASS;
  private static final String INNER = "inner_optimizer";
  private static final String SCALE = "initial_scale";
  private static final String STEPS = "dynamic_growth_steps";
  private static final double DEFAULT_SCALE = 32768;
  private static final long DEFAULT_STEPS = 2000;

  static KerasLossScale from(Map<String, ?> given) {
    for (String key : given.keySet()) {
      if (!List.of(INNER, SCALE, STEPS, "name").contains(key) && !isDefault(key, given.get(key))) {
        throw new IllegalArgumentException(refusal(key));
      }
    }
    Object scale = given.containsKey(SCALE) ? given.get(SCALE) : DEFAULT_SCALE;
    if (!(scale instanceof Number first)
        || !(first.floatValue() > 0)
        || !Float.isFinite(first.floatValue())) {
      throw new IllegalArgumentException(
          OWNER + ": '" + SCALE + "' must be a float32 above 0, not " + scale);
    }
    Object steps = given.containsKey(STEPS) ? given.get(STEPS) : DEFAULT_STEPS;
    Object count = KerasOption.count(STEPS, KerasOption.Range.ANY).normalize(OWNER, steps);
    return new KerasLossScale(first.floatValue(), (long) requireNonNull(count));
  }

  /** The wrapped optimizer, without the factor of its own that Keras takes from it. */
  static KerasOptimizer inner(Map<String, ?> given) {
    if (given.get(INNER) == null) {
      throw new IllegalArgumentException(OWNER + " needs '" + INNER + "', an optimizer's config");
    }
    Object inner = given.get(INNER);
    KerasOptimizer optimizer =
        inner instanceof KerasOptimizer made ? made : KerasOptimizer.from(inner);
    if (optimizer.lossScale() != null) {
      throw new IllegalArgumentException(
          OWNER + ": '" + INNER + "' scales the loss already, and one factor is all there can be");
    }
    return optimizer.with("loss_scale_factor", null);
  }

  /** Keras's older configs hold defaults of what the inner optimizer alone can have. */
  private static boolean isDefault(String key, @Nullable Object value) {
    if (key.equals("dynamic")) {
      return Boolean.TRUE.equals(value);
    }
    for (KerasOption option : KerasCatalog.SHARED) {
      if (option.name().equals(key)) {
        Object standard = option.defaultValue();
        return standard == null
            ? value == null
            : value != null && standard.equals(option.normalize(OWNER, value));
      }
    }
    return key.equals("weight_decay") && value == null;
  }

  private static String refusal(String key) {
    if (key.equals("dynamic")) {
      return OWNER
          + ": 'dynamic' can't be turned off; set 'loss_scale_factor' on the inner"
          + " optimizer instead";
    }
    boolean shared =
        key.equals("learning_rate")
            || key.equals("weight_decay")
            || KerasCatalog.SHARED.stream().anyMatch(option -> option.name().equals(key));
    List<String> known = List.of(INNER, SCALE, STEPS);
    return shared
        ? OWNER + " has no '" + key + "' of its own; set it on '" + INNER + "'"
        : OWNER
            + " has no option '"
            + key
            + "'"
            + NearestName.hint(key, known)
            + " It has "
            + known;
  }

  /** The config as Keras writes it. */
  Map<String, Object> around(Map<String, Object> inner) {
    Map<String, Object> options = new LinkedHashMap<>();
    options.put("name", "loss_scale_optimizer");
    options.put(INNER, inner);
    options.put(SCALE, initialScale);
    options.put(STEPS, growthSteps);
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("module", "keras.optimizers");
    config.put("class_name", CLASS);
    config.put("config", options);
    return config;
  }
}
