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
    if (isLossScale(name)) {
      throw new IllegalArgumentException(
          name + " wraps another optimizer; make it with its option 'inner_optimizer'");
    }
    if (plain.equals("multioptimizer") || plain.equals("optimizermap")) {
      throw new IllegalArgumentException(
          name + " can't be a module: it needs a model's layers; use one pipeline for each part");
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

  /** Whether a name is that of {@code LossScaleOptimizer}, which wraps one of these. */
  static boolean isLossScale(String name) {
    return plain(name).equalsIgnoreCase(KerasLossScale.CLASS);
  }

  /** Whether a name is one of Keras's optimizers, wrappers included. */
  static boolean isKnown(String name) {
    return find(name) != null || isLossScale(name);
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
