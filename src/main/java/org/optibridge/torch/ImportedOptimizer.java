package org.optibridge.torch;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.optibridge.trust.OptionBounds;

/**
 * An optimizer of a loaded plug-in or program.
 *
 * @param className what the native side calls it
 * @param spec its options
 * @param bounds what values they take, beyond their types
 */
record ImportedOptimizer(String className, TorchOptimizerSpec spec, List<OptionBounds> bounds) {
  // Kinds of option, as the native side numbers them.
  static final int NUMBER = 0;
  static final int WHOLE = 1;
  static final int FLAG = 2;

  /** As {@link TorchOptimizerSpec#complete}, with the bounds checked too. */
  Map<String, @Nullable Object> complete(Map<String, Object> kwargs) {
    Map<String, @Nullable Object> options = spec.complete(kwargs);
    for (OptionBounds bound : bounds) {
      bound.check(spec.qualifiedName(), kwargs); // an int has been cut to size in `options`
    }
    return options;
  }

  /** Collects an optimizer's description. */
  static final class Builder {
    private final String name;
    private final double learningRate;
    private final boolean readsWeights;
    private final List<TorchOption> options = new ArrayList<>();
    private final List<OptionBounds> bounds = new ArrayList<>();

    /**
     * @param name with what it comes from: {@code plugin:Lion}
     */
    Builder(String name, double learningRate, boolean readsWeights) {
      this.name = name;
      this.learningRate = learningRate;
      this.readsWeights = readsWeights;
    }

    void option(int kind, double byDefault, OptionBounds bound) {
      String option = bound.option();
      if (kind == FLAG) {
        require(byDefault == 0 || byDefault == 1, option);
        options.add(TorchOption.flag(option, byDefault != 0));
        return;
      }
      require(bound.hold(byDefault), option);
      if (kind == WHOLE) {
        require(byDefault == (int) byDefault, option);
        options.add(TorchOption.whole(option, (int) byDefault, TorchOption.Range.ANY));
        // Further away a double and an int part.
        bounds.add(new OptionBounds(option, Integer.MIN_VALUE, Integer.MAX_VALUE, false, false));
      } else {
        options.add(TorchOption.number(option, byDefault, TorchOption.Range.ANY));
      }
      bounds.add(bound);
    }

    private void require(boolean good, String option) {
      if (!good) {
        throw new IllegalArgumentException(
            name + ": the default of option '" + option + "' is not a value that it takes");
      }
    }

    ImportedOptimizer build(String className) {
      return new ImportedOptimizer(
          className,
          new TorchOptimizerSpec(
              TorchPackage.NONE, name, learningRate, List.copyOf(options), false, readsWeights),
          List.copyOf(bounds));
    }
  }
}
