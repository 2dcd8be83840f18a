package org.optibridge.optimizer;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Builds an {@link Optimizer}. What is added belongs to the optimizer once it is built. */
public final class OptimizerBuilder {
  final List<Regularizer> regularizers = new ArrayList<>();
  final List<OptiModule> modules = new ArrayList<>();
  Scheduler weightDecay = new ConstantRate(0);
  WeightDecay decayMode = WeightDecay.ABSOLUTE;
  TensorFilter decayFilter = TensorFilter.all();
  private @Nullable Scheduler learningRate;

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
    return learningRate(new ConstantRate(requireFinite("learning rate", rate)));
  }

  /**
   * @param scheduler gives the learning rate of each step; not shared with another optimizer
   * @return this
   */
  public OptimizerBuilder learningRate(Scheduler scheduler) {
    this.learningRate = scheduler;
    return this;
  }

  /**
   * @param decay the share of the weights taken off at each step; finite
   * @return this
   */
  public OptimizerBuilder weightDecay(double decay) {
    return weightDecay(new ConstantRate(requireFinite("weight decay", decay)));
  }

  /**
   * @param scheduler gives the weight decay of each step; not shared with another optimizer
   * @return this
   */
  public OptimizerBuilder weightDecay(Scheduler scheduler) {
    this.weightDecay = scheduler;
    return this;
  }

  /**
   * @param mode whether the decay is multiplied by the learning rate; by default it is not
   * @return this
   */
  public OptimizerBuilder weightDecayMode(WeightDecay mode) {
    this.decayMode = mode;
    return this;
  }

  /**
   * @param filter which tensors decay; by default all
   * @return this
   */
  public OptimizerBuilder weightDecayFilter(TensorFilter filter) {
    this.decayFilter = filter;
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
    if (learningRate == null) {
      throw new IllegalStateException("An optimizer needs a learning rate: learningRate(0.001)");
    }
    return Optimizer.of(this, learningRate);
  }

  static OptimizerBuilder fromConfig(Map<String, Object> config) {
    OptimizerBuilder builder = new OptimizerBuilder();
    try {
      return ConfigReader.read("an optimizer", config, builder::read);
    } catch (RuntimeException | Error e) {
      builder.regularizers.forEach(Stage::close);
      builder.modules.forEach(Stage::close);
      throw e;
    }
  }

  private OptimizerBuilder read(ConfigReader config) {
    learningRate(rate(config, "lrate", null));
    weightDecay(rate(config, "w_decay", 0.0));
    decayMode = WeightDecay.parse(config.text("w_decay_mode", decayMode.toString()));
    decayFilter =
        ConfigReader.read("w_decay_filter", config.object("w_decay_filter"), TensorFilter::from);
    forEachNamed(
        config.list("regularizers"),
        "regularizers",
        (name, inner) -> regularizer(Registry.regularizer(name, inner)));
    forEachNamed(
        config.list("modules"), "modules", (name, inner) -> module(Registry.module(name, inner)));
    return this;
  }

  private static Scheduler rate(ConfigReader config, String key, @Nullable Double otherwise) {
    Object value = config.value(key, otherwise);
    if (value instanceof Number number) {
      return new ConstantRate(requireFinite("'" + key + "'", number.doubleValue()));
    }
    List<Scheduler> made = new ArrayList<>();
    forEachNamed(
        value == null ? List.of() : List.of(value),
        key,
        (name, inner) -> made.add(Registry.scheduler(name, inner)));
    if (made.isEmpty()) {
      throw new IllegalArgumentException(
          "An optimizer's config needs '" + key + "', a number or [scheduler, config]");
    }
    return made.get(0);
  }

  private interface NamedConfig {
    void accept(String name, Map<String, Object> config);
  }

  @SuppressWarnings("unchecked") // JSON objects have text keys
  private static void forEachNamed(List<?> entries, String key, NamedConfig action) {
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
