package org.optibridge.tensorflow;

import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.NearestName;

/**
 * The optimizers of {@code keras.optimizers} that can be named, with the defaults of Keras 3.15.
 */
public final class KerasOptimizers {
  private static final List<String> PREFIXES =
      List.of(
          "tensorflow.keras.optimizers.",
          "tf.keras.optimizers.",
          "keras.src.optimizers.",
          "keras.optimizers.");

  private KerasOptimizers() {}

  /** Returns all of them. */
  public static List<KerasOptimizerSpec> all() {
    return KerasCatalog.ALL;
  }

  /**
   * @param name {@code "adam"}, {@code "Adam"}, {@code "keras.optimizers.Adam"}, {@code
   *     "keras.optimizers.adam.Adam"} or {@code "tensorflow.keras.optimizers.Adam"}
   * @return what is known of it
   * @throws IllegalArgumentException if it is unknown, with the nearest name, or can't be a module
   */
  public static KerasOptimizerSpec get(String name) {
    KerasOptimizerSpec found = find(name);
    if (found != null) {
      return found;
    }
    String plain = plain(name).toLowerCase(Locale.ROOT);
    if (plain.equals("lossscaleoptimizer")) {
      throw new IllegalArgumentException(
          "keras.optimizers.LossScaleOptimizer can't be a module: it adapts a factor of the loss,"
              + " which a pipeline never sees; use the inner optimizer, with 'loss_scale_factor' if"
              + " the factor is fixed");
    }
    if (plain.equals("muon")) {
      throw new IllegalArgumentException(
          "keras.optimizers.Muon can't be a module: Keras itself can't run it with its default"
              + " options on TensorFlow 2.18; use torch.optim.Muon");
    }
    List<String> known = KerasCatalog.ALL.stream().map(KerasOptimizerSpec::name).toList();
    throw new IllegalArgumentException(
        "Unknown Keras optimizer '"
            + name
            + "'"
            + NearestName.hint(plain, known)
            + " Known: "
            + known);
  }

  static @Nullable KerasOptimizerSpec find(String name) {
    String plain = plain(name);
    for (KerasOptimizerSpec spec : KerasCatalog.ALL) {
      if (spec.name().equalsIgnoreCase(plain)) {
        return spec;
      }
    }
    return null;
  }

  /** The name of the class, without packages of Keras's. */
  private static String plain(String name) {
    for (String prefix : PREFIXES) {
      if (name.startsWith(prefix)) {
        String rest = name.substring(prefix.length());
        // The module that defines the class may stand between.
        return rest.substring(rest.lastIndexOf('.') + 1);
      }
    }
    return name;
  }
}
