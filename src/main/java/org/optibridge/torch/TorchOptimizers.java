package org.optibridge.torch;

import static org.optibridge.torch.TorchOption.Range.ANY;
import static org.optibridge.torch.TorchOption.Range.BELOW_ONE;
import static org.optibridge.torch.TorchOption.Range.NOT_NEGATIVE;
import static org.optibridge.torch.TorchOption.Type.BOOL;
import static org.optibridge.torch.TorchOption.Type.FLOAT;
import static org.optibridge.torch.TorchOption.Type.FLOAT_PAIR;

import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import org.optibridge.torch.TorchOption.Range;

/** The optimizers of {@code torch.optim} that can be named, with the defaults of PyTorch 2.10. */
public final class TorchOptimizers {
  private static final String PREFIX = "torch.optim.";

  private static final List<TorchOptimizerSpec> ALL =
      List.of(
          new TorchOptimizerSpec(
              "SGD",
              1e-3,
              List.of(
                  number("momentum", 0, NOT_NEGATIVE),
                  number("dampening", 0, ANY),
                  number("weight_decay", 0, NOT_NEGATIVE),
                  flag("nesterov"),
                  flag("maximize")),
              true),
          adam("Adam", 0),
          adam("AdamW", 1e-2),
          new TorchOptimizerSpec(
              "Adagrad",
              1e-2,
              List.of(
                  number("lr_decay", 0, NOT_NEGATIVE),
                  number("weight_decay", 0, NOT_NEGATIVE),
                  number("initial_accumulator_value", 0, NOT_NEGATIVE),
                  number("eps", 1e-10, NOT_NEGATIVE),
                  flag("maximize")),
              true),
          new TorchOptimizerSpec(
              "RMSprop",
              1e-2,
              List.of(
                  number("alpha", 0.99, NOT_NEGATIVE),
                  number("eps", 1e-8, NOT_NEGATIVE),
                  number("weight_decay", 0, NOT_NEGATIVE),
                  number("momentum", 0, NOT_NEGATIVE),
                  flag("centered"),
                  flag("maximize")),
              false));

  private TorchOptimizers() {}

  private static TorchOptimizerSpec adam(String name, double weightDecay) {
    return new TorchOptimizerSpec(
        name,
        1e-3,
        List.of(
            new TorchOption("betas", FLOAT_PAIR, List.of(0.9, 0.999), BELOW_ONE),
            number("eps", 1e-8, NOT_NEGATIVE),
            number("weight_decay", weightDecay, NOT_NEGATIVE),
            flag("amsgrad"),
            flag("maximize")),
        true);
  }

  private static TorchOption number(String name, double defaultValue, Range range) {
    return new TorchOption(name, FLOAT, defaultValue, range);
  }

  private static TorchOption flag(String name) {
    return new TorchOption(name, BOOL, false, ANY);
  }

  /** Returns all of them. */
  public static List<TorchOptimizerSpec> all() {
    return ALL;
  }

  /**
   * @param name {@code "Adam"}, {@code "torch.optim.Adam"} or {@code "torch.optim.adam.Adam"}
   * @return what is known of it
   * @throws IllegalArgumentException if it is unknown, with the nearest name, or can't be a module
   */
  public static TorchOptimizerSpec get(String name) {
    String plain = name.startsWith(PREFIX) ? name.substring(PREFIX.length()) : name;
    int dot = plain.lastIndexOf('.');
    if (name.startsWith(PREFIX) && dot >= 0) {
      // The module that defines the class, as Python reports it: torch.optim.adam.Adam.
      String module = plain.substring(0, dot);
      String inner = plain.substring(dot + 1);
      plain = inner.toLowerCase(Locale.ROOT).equals(module) ? inner : plain;
    }
    if (plain.equals("LBFGS")) {
      throw new IllegalArgumentException(
          "torch.optim.LBFGS can't be a module of a pipeline: it evaluates the loss several times"
              + " within a step, through a closure");
    }
    for (TorchOptimizerSpec spec : ALL) {
      if (spec.name().equals(plain)) {
        return spec;
      }
    }
    String lost = plain;
    String nearest =
        ALL.stream()
            .map(TorchOptimizerSpec::name)
            .min(Comparator.comparingInt(known -> distance(known, lost)))
            .orElseThrow();
    throw new IllegalArgumentException(
        "Unknown torch optimizer '"
            + name
            + "'"
            + (distance(nearest, plain) <= 3 ? "; did you mean '" + nearest + "'?" : "")
            + " Known: "
            + ALL.stream().map(TorchOptimizerSpec::name).toList());
  }

  /** Edits between two names, regardless of case. */
  private static int distance(String one, String other) {
    String a = one.toLowerCase(Locale.ROOT);
    String b = other.toLowerCase(Locale.ROOT);
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(replaced, 1 + Math.min(row[j], row[j - 1]));
      }
    }
    return row[b.length()];
  }
}
