package org.optibridge.tensorflow;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.optibridge.state.ConfigJson;
import org.optibridge.trust.Origin;
import org.optibridge.trust.TrustedImports;

/**
 * An optimizer of Keras's with its options: what a {@link TensorflowOptiModule} is made from.
 * Immutable.
 *
 * <p>The learning rate belongs to the pipeline; inside a module it is 1. One that is given here is
 * kept by {@link #learningRate()} for whoever builds the pipeline.
 */
public final class KerasOptimizer {
  private static final String CLASS_NAME = "class_name";
  private static final String LEARNING_RATE = "learning_rate";
  private static final Set<String> ENTRIES =
      Set.of("module", CLASS_NAME, "config", "registered_name", "build_config");

  private final KerasOptimizerSpec spec;
  private final Map<String, @Nullable Object> options;
  private final @Nullable Double learningRate;
  private final List<String> notDecayed;
  private final @Nullable KerasLossScale lossScale;

  private final @Nullable TensorflowImport imported;

  private KerasOptimizer(
      KerasOptimizerSpec spec,
      @Nullable TensorflowImport imported,
      Map<String, ?> given,
      List<String> notDecayed,
      @Nullable KerasLossScale lossScale) {
    this.spec = spec;
    this.imported = imported;
    Map<String, @Nullable Object> rest = new LinkedHashMap<>(given);
    this.learningRate = rate(spec, given);
    rest.remove(LEARNING_RATE);
    rest.remove("name");
    this.options =
        Collections.unmodifiableMap(
            imported == null ? spec.complete(rest) : imported.complete(rest));
    this.notDecayed = List.copyOf(notDecayed);
    this.lossScale = lossScale;
    if (lossScale != null && options.get("loss_scale_factor") != null) {
      throw new IllegalArgumentException(
          KerasLossScale.CLASS + " scales the loss, so 'loss_scale_factor' can't be set as well");
    }
  }

  /** A schedule, which Keras writes as an object, is left to the pipeline like any other rate. */
  private static @Nullable Double rate(KerasOptimizerSpec spec, Map<String, ?> given) {
    if (!given.containsKey(LEARNING_RATE)) {
      return null;
    }
    Object value = given.get(LEARNING_RATE);
    if (value instanceof Map<?, ?>) {
      return null;
    }
    if (value instanceof Number number
        && KerasOption.isFraction(number)
        && Double.isFinite(number.doubleValue())) {
      return number.doubleValue();
    }
    throw new IllegalArgumentException(
        spec.qualifiedName()
            + ": '"
            + LEARNING_RATE
            + "' must be a finite float (1.0, not 1) or a schedule's config, not "
            + value);
  }

  /**
   * @param name as {@link #of(String, Map)} takes it
   * @return the optimizer with Keras's default options
   * @throws IllegalArgumentException if the name is unknown
   */
  public static KerasOptimizer of(String name) {
    return of(name, Map.of());
  }

  /**
   * @param name as {@link KerasOptimizers#get} takes it, or a SavedModel, which is opened under the
   *     import policy of the process
   * @param options keyword arguments as Keras names them; null is None
   * @return the optimizer
   * @throws IllegalArgumentException if the name or an option is unknown, or a value ill-typed or
   *     out of range, or the policy refuses the file
   */
  public static KerasOptimizer of(String name, Map<String, ?> options) {
    return named(name, options, Origin.CODE);
  }

  private static KerasOptimizer named(String name, Map<String, ?> options, Origin origin) {
    if (KerasOptimizers.isLossScale(name)) {
      KerasOptimizer inner = KerasLossScale.inner(options);
      return new KerasOptimizer(
          inner.spec,
          inner.imported,
          inner.given(),
          inner.notDecayed,
          KerasLossScale.from(options));
    }
    if (TensorflowImport.isFile(name)) {
      return of(TensorflowImport.open(name, TrustedImports.standard(), origin), options);
    }
    return new KerasOptimizer(KerasOptimizers.get(name), null, options, List.of(), null);
  }

  static KerasOptimizer of(TensorflowImport imported, Map<String, ?> options) {
    return new KerasOptimizer(imported.spec(), imported, options, List.of(), null);
  }

  /**
   * @param config as {@code keras.optimizers.serialize} returns it: {@code class_name} and {@code
   *     config}; {@code module} and {@code registered_name} are there or not . A {@code class_name}
   *     may be a SavedModel, which is opened under the import policy of the process as for a config
   * @return the optimizer
   * @throws IllegalArgumentException if it is none of Keras's own, an entry is missing, unknown or
   *     out of range, or the policy refuses the file
   */
  @SuppressWarnings("unchecked") // JSON objects have text keys
  public static KerasOptimizer fromConfig(Map<String, ?> config) {
    for (String key : config.keySet()) {
      if (!ENTRIES.contains(key)) {
        throw new IllegalArgumentException(
            "Unknown entry '"
                + key
                + "' of a Keras optimizer; known: class_name, config, module,"
                + " registered_name");
      }
    }
    if (!(config.get(CLASS_NAME) instanceof String name)) {
      throw new IllegalArgumentException("A Keras optimizer's config needs a text 'class_name'");
    }
    Object options = config.containsKey("config") ? config.get("config") : Map.of();
    if (!(options instanceof Map<?, ?> given)) {
      throw new IllegalArgumentException("'config' of a Keras optimizer must be an object");
    }
    requireOfKeras(config.get("module"), name);
    return named(name, (Map<String, ?>) given, Origin.CONFIG);
  }

  private static void requireOfKeras(@Nullable Object module, String name) {
    if (module instanceof String text
        && !(text + ".").matches("(tf\\.|tensorflow\\.)?keras\\.(src\\.)?optimizers\\..*")) {
      throw new IllegalArgumentException(
          "'"
              + text
              + "."
              + name
              + "' is no optimizer of Keras's own, and none but those are made"
              + " here");
    }
  }

  /**
   * @param json a JSON text of what {@link #fromConfig} takes
   * @return the optimizer
   * @throws IllegalArgumentException as {@link #fromConfig}, or if it is no valid JSON object
   */
  public static KerasOptimizer fromJson(String json) {
    return fromConfig(ConfigJson.read(json));
  }

  /**
   * An optimizer with the settings of one of tensorflow-java's framework ({@code
   * org.tensorflow.framework.optimizers}), where Keras has one with the same step: {@code Adam},
   * {@code Adamax}, {@code AdaDelta}, {@code AdaGrad} (Keras's with an epsilon of 0), {@code Ftrl},
   * {@code GradientDescent} and {@code Momentum}. Only its settings are read: neither its graph nor
   * its state is used. {@code Momentum} is the same as long as the learning rate does not change,
   * since Keras's buffer includes the rate. {@code Adam} and {@code Adamax} correct their moments
   * by the powers of beta of the step, where the framework's own graph may take those of the next
   * one.
   *
   * @param optimizer such an object; its settings are floats, and keep their values as such
   * @return the optimizer
   * @throws IllegalArgumentException if it is none of these, with the reason, or its settings can't
   *     be read
   */
  public static KerasOptimizer ofTensorflowJava(Object optimizer) {
    return TensorflowJavaOptimizer.read(optimizer);
  }

  /**
   * @param optimizer a name, a JSON text, or a config as a map
   * @return the optimizer
   * @throws IllegalArgumentException if it is none of these
   */
  @SuppressWarnings("unchecked") // JSON objects have text keys
  static KerasOptimizer from(@Nullable Object optimizer) {
    if (optimizer instanceof String text) {
      return text.stripLeading().startsWith("{")
          ? fromJson(text)
          : named(text, Map.of(), Origin.CONFIG);
    }
    if (optimizer instanceof Map<?, ?> map) {
      return fromConfig((Map<String, ?>) map);
    }
    throw new IllegalArgumentException(
        "A tensorflow-optim config needs 'optim': a name or a Keras config, not " + optimizer);
  }

  /**
   * @param option a keyword argument as Keras names it
   * @param value its value; null is None
   * @return an optimizer with this option changed
   * @throws IllegalArgumentException if the option is unknown or the value ill-typed or out of
   *     range
   */
  public KerasOptimizer with(String option, @Nullable Object value) {
    Map<String, @Nullable Object> changed = given();
    changed.put(option, value);
    return new KerasOptimizer(spec, imported, changed, notDecayed, lossScale);
  }

  /**
   * @param patterns weights in whose name one of these regular expressions is found, such as a part
   *     of the name, are not decayed: {@code exclude_from_weight_decay(var_names=…)} of Keras's
   * @return an optimizer with these exclusions
   * @throws IllegalArgumentException if one is no regular expression
   */
  public KerasOptimizer excludingFromWeightDecay(String... patterns) {
    return excludingFromWeightDecay(List.of(patterns));
  }

  KerasOptimizer excludingFromWeightDecay(List<String> patterns) {
    for (String pattern : patterns) {
      if (!KerasOption.isPattern(pattern)) {
        throw new IllegalArgumentException(
            "'exclude_from_weight_decay': '" + pattern + "' is no regular expression");
      }
    }
    return new KerasOptimizer(
        spec, imported, given(), List.copyOf(new LinkedHashSet<>(patterns)), lossScale);
  }

  /** All that the constructor takes as options. */
  private Map<String, @Nullable Object> given() {
    Map<String, @Nullable Object> given = new LinkedHashMap<>(options);
    if (learningRate != null) {
      given.put(LEARNING_RATE, learningRate);
    }
    return given;
  }

  /** Returns which optimizer this is; of {@code LossScaleOptimizer} the inner one. */
  public KerasOptimizerSpec spec() {
    return spec;
  }

  /** Returns every option with its value, null for None, in Keras's order. */
  public Map<String, @Nullable Object> options() {
    return options;
  }

  /** Returns the regular expressions that keep a weight from being decayed if found in its name. */
  public List<String> excludedFromWeightDecay() {
    return notDecayed;
  }

  /** Returns the learning rate that was given, for the pipeline; else Keras's default. */
  public double learningRate() {
    return learningRate == null ? spec.defaultLearningRate() : learningRate;
  }

  /** How the loss is scaled; null if it is not, or by a fixed factor. */
  @Nullable KerasLossScale lossScale() {
    return lossScale;
  }

  /** The config as Keras writes it, at a rate of 1, without what is None by default. */
  @SuppressWarnings("NullAway") // None is null in JSON
  Map<String, Object> toConfig() {
    Map<String, @Nullable Object> inner = new LinkedHashMap<>();
    if (imported == null) {
      inner.put("name", spec.name().toLowerCase(Locale.ROOT));
    }
    inner.put(LEARNING_RATE, 1.0);
    for (KerasOption option : spec.allOptions()) {
      Object value = options.get(option.name());
      if (value != null || option.defaultValue() != null) {
        inner.put(option.name(), value);
      }
    }
    Map<String, Object> config = new LinkedHashMap<>();
    if (imported == null) {
      config.put("module", "keras.optimizers");
    }
    config.put(CLASS_NAME, imported == null ? spec.name() : imported.reference());
    config.put("config", inner);
    return lossScale == null ? config : lossScale.around(config);
  }

  /** What the native side calls it. */
  String nativeName() {
    return imported == null ? spec.name() : imported.className();
  }

  double number(String option) {
    return options.get(option) instanceof Number number ? number.doubleValue() : 0;
  }

  boolean flag(String option) {
    return Boolean.TRUE.equals(options.get(option));
  }

  @Override
  public String toString() {
    Map<String, Object> changed = new LinkedHashMap<>();
    for (KerasOption option : spec.allOptions()) {
      Object value = options.get(option.name());
      if (value != null && !value.equals(option.defaultValue())) {
        changed.put(option.name(), value);
      }
    }
    String text = spec.qualifiedName() + changed;
    return lossScale == null ? text : KerasLossScale.CLASS + "(" + text + ")";
  }
}
