package org.optibridge.tensorflow;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.NearestName;

/**
 * An optimizer of {@code keras.optimizers}: its name, keyword arguments and their defaults.
 *
 * @param name the class name, as in {@code keras.optimizers.Adam}; with {@code program:} before it
 *     if it is imported
 * @param defaultLearningRate Keras's default of {@code learning_rate}
 * @param options the keyword arguments of this class alone, in Keras's order; {@link #allOptions()}
 *     has those that all classes share as well
 * @param defaultWeightDecay Keras's default of {@code weight_decay}; null for None
 * @param kernel the operation of TensorFlow's that does the whole step; null if several do it
 * @param readsWeights whether a step depends on the weights whatever the options; if not, it does
 *     if {@code weight_decay} is set
 */
public record KerasOptimizerSpec(
    String name,
    double defaultLearningRate,
    List<KerasOption> options,
    @Nullable Double defaultWeightDecay,
    @Nullable String kernel,
    boolean readsWeights) {
  /** What the name of one that is imported begins with. */
  static final String PROGRAM = "program:";

  /**
   * @return the full name, {@code keras.optimizers.Adam}; {@code program:Lion} if it is imported
   */
  public String qualifiedName() {
    return name.startsWith(PROGRAM) ? name : "keras.optimizers." + name;
  }

  /** Returns all keyword arguments but {@code learning_rate} and {@code name}. */
  public List<KerasOption> allOptions() {
    KerasOption decay =
        new KerasOption(
            "weight_decay",
            KerasOption.Type.FLOAT,
            defaultWeightDecay,
            // AdamW takes nothing but a number.
            defaultWeightDecay == null ? KerasOption.Range.OPTIONAL : KerasOption.Range.ANY);
    Stream<KerasOption> first =
        options.stream().anyMatch(option -> option.name().equals(decay.name()))
            ? Stream.of()
            : Stream.of(decay);
    return Stream.of(first, KerasCatalog.SHARED.stream(), options.stream())
        .flatMap(part -> part)
        .toList();
  }

  /**
   * Completes keyword arguments by the defaults and checks all of them.
   *
   * @param given those that are given
   * @return every option with its value, null for None, in order
   * @throws IllegalArgumentException naming an unknown, ill-typed or out-of-range argument
   */
  public Map<String, @Nullable Object> complete(Map<String, ?> given) {
    Map<String, @Nullable Object> complete = new LinkedHashMap<>();
    boolean averages = Boolean.TRUE.equals(given.get("use_ema"));
    for (KerasOption known : allOptions()) {
      String key = known.name();
      // Keras looks at what concerns averages only if there are any.
      KerasOption option =
          key.equals(KerasCatalog.EMA_OVERWRITE) && !averages ? KerasOption.optional(key) : known;
      complete.put(
          key,
          given.containsKey(key)
              ? option.normalize(qualifiedName(), given.get(key))
              : option.defaultValue());
    }
    for (String key : given.keySet()) {
      if (key.equals("decay") && given.get(key) == null) {
        continue; // Keras 3 writes it no more, but reads it
      }
      if (!complete.containsKey(key)) {
        if (key.equals("decay")) {
          throw new IllegalArgumentException(
              qualifiedName()
                  + ": 'decay' of the learning rate is gone from Keras 3, which ignores it; set a"
                  + " scheduler on the pipeline");
        }
        List<String> known = List.copyOf(complete.keySet());
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
    if (Boolean.TRUE.equals(complete.get("use_ema"))
        && complete.get("ema_momentum") instanceof Double share
        && (share < 0 || share > 1)) {
      throw new IllegalArgumentException(
          qualifiedName() + ": 'ema_momentum' must be in [0, 1], not " + share);
    }
    List<String> clips =
        Stream.of("clipnorm", "clipvalue", "global_clipnorm")
            .filter(key -> complete.get(key) != null)
            .toList();
    if (clips.size() > 1) {
      throw new IllegalArgumentException(
          qualifiedName() + ": only one way to clip can be set, not " + clips);
    }
    return complete;
  }
}
