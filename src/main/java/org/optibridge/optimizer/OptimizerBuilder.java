package org.optibridge.optimizer;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Builds an {@link Optimizer}. What is added belongs to the optimizer once it is built. */
public final class OptimizerBuilder {
  private static final Set<String> KEYS = Set.of("lrate", "w_decay", "regularizers", "modules");

  final List<Regularizer> regularizers = new ArrayList<>();
  final List<OptiModule> modules = new ArrayList<>();
  double learningRate = Double.NaN;
  double weightDecay;

  OptimizerBuilder() {}

  static double requireFinite(String what, double value) {
    if (!Double.isFinite(value)) {
      throw new IllegalArgumentException("The " + what + " must be a finite number, not " + value);
    }
    return value;
  }

  /**
   * @param rate the learning rate; finite
   * @return this
   */
  public OptimizerBuilder learningRate(double rate) {
    this.learningRate = requireFinite("learning rate", rate);
    return this;
  }

  /**
   * @param decay the share of the weights taken off at each step, not multiplied by the rate
   * @return this
   */
  public OptimizerBuilder weightDecay(double decay) {
    this.weightDecay = requireFinite("weight decay", decay);
    return this;
  }

  /**
   * @param regularizer acts after those added before
   * @return this
   */
  public OptimizerBuilder regularizer(Regularizer regularizer) {
    regularizers.add(regularizer);
    return this;
  }

  /**
   * @param module acts after those added before
   * @return this
   */
  public OptimizerBuilder module(OptiModule module) {
    modules.add(module);
    return this;
  }

  /**
   * @return the optimizer, to be closed by the caller
   * @throws IllegalStateException if no learning rate was given
   */
  public Optimizer build() {
    if (Double.isNaN(learningRate)) {
      throw new IllegalStateException("An optimizer needs a learning rate: learningRate(0.001)");
    }
    return Optimizer.of(this);
  }

  static OptimizerBuilder fromConfig(Map<String, Object> config) {
    for (String key : config.keySet()) {
      if (!KEYS.contains(key)) {
        throw new IllegalArgumentException(
            "Unknown entry '" + key + "' of an optimizer's config; known: " + KEYS);
      }
    }
    OptimizerBuilder builder = new OptimizerBuilder();
    if (!(config.get("lrate") instanceof Number rate)) {
      throw new IllegalArgumentException("An optimizer's config needs a number 'lrate'");
    }
    builder.learningRate(rate.doubleValue());
    Object decay = config.getOrDefault("w_decay", 0.0);
    if (!(decay instanceof Number number)) {
      throw new IllegalArgumentException("'w_decay' of an optimizer's config must be a number");
    }
    builder.weightDecay(number.doubleValue());
    try {
      forEachNamed(
          config.get("regularizers"),
          "regularizers",
          (name, inner) -> builder.regularizer(Registry.regularizer(name, inner)));
      forEachNamed(
          config.get("modules"),
          "modules",
          (name, inner) -> builder.module(Registry.module(name, inner)));
    } catch (RuntimeException | Error e) {
      builder.regularizers.forEach(Regularizer::close);
      builder.modules.forEach(OptiModule::close);
      throw e;
    }
    return builder;
  }

  private interface NamedConfig {
    void accept(String name, Map<String, Object> config);
  }

  @SuppressWarnings("unchecked") // JSON objects have text keys
  private static void forEachNamed(@Nullable Object list, String key, NamedConfig action) {
    if (list == null) {
      return;
    }
    if (!(list instanceof List<?> entries)) {
      throw new IllegalArgumentException("'" + key + "' must be a list of [name, config]");
    }
    for (Object entry : entries) {
      if (entry instanceof String name) {
        action.accept(name, Map.of());
      } else if (entry instanceof List<?> pair
          && pair.size() == 2
          && pair.get(0) instanceof String name
          && pair.get(1) instanceof Map<?, ?> inner) {
        action.accept(name, (Map<String, Object>) inner);
      } else {
        throw new IllegalArgumentException(
            "Each of '" + key + "' must be a name or [name, config], not " + entry);
      }
    }
  }
}
