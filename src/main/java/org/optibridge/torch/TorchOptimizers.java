package org.optibridge.torch;

import java.util.List;
import java.util.Locale;

/** The optimizers of {@code torch.optim} that can be named, with the defaults of PyTorch 2.10. */
public final class TorchOptimizers {
  private static final String PREFIX = "torch.optim.";

  private TorchOptimizers() {}

  /** Returns all of them. */
  public static List<TorchOptimizerSpec> all() {
    return TorchCatalog.ALL;
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
              + " within a step, through a closure; use TorchLbfgs.of(…).step(params, closure)");
    }
    for (TorchOptimizerSpec spec : TorchCatalog.ALL) {
      if (spec.name().equals(plain)) {
        return spec;
      }
    }
    if (plain.equals("SparseAdam")) {
      throw new IllegalArgumentException(
          "torch.optim.SparseAdam takes sparse gradients only, and tensors are dense here; use Adam"
              + " instead");
    }
    List<String> known = TorchCatalog.ALL.stream().map(TorchOptimizerSpec::name).toList();
    throw new IllegalArgumentException(
        "Unknown torch optimizer '"
            + name
            + "'"
            + NearestName.hint(plain, known)
            + " Known: "
            + known);
  }
}
