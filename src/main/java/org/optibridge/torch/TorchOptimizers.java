package org.optibridge.torch;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.NearestName;

/**
 * The optimizers that can be named: those of {@code torch.optim}, with the defaults of PyTorch
 * 2.10, and some of timm, pytorch_optimizer and schedulefree.
 */
public final class TorchOptimizers {
  private TorchOptimizers() {}

  /** Returns all of them. */
  public static List<TorchOptimizerSpec> all() {
    return TorchCatalog.ALL;
  }

  /**
   * @param name {@code "Adam"}, {@code "torch.optim.Adam"} or {@code "torch.optim.adam.Adam"};
   *     {@code "timm.optim.Lamb"}, {@code "timm.Lamb"} or {@code "timm.optim.lamb.Lamb"}. Outside
   *     torch a class of whose name several packages have one needs its package
   * @return what is known of it
   * @throws IllegalArgumentException if it is unknown, with the nearest name, if it is ambiguous,
   *     with all candidates, or if it can't be a module
   */
  public static TorchOptimizerSpec get(String name) {
    for (TorchPackage home : TorchPackage.values()) {
      String rest = home.rest(name);
      if (rest != null) {
        return in(home, name, rest);
      }
    }
    TorchOptimizerSpec ofTorch = find(TorchPackage.TORCH, name);
    if (ofTorch != null) {
      return ofTorch;
    }
    refuseKnown(name);
    List<TorchOptimizerSpec> candidates =
        TorchCatalog.ALL.stream()
            .filter(spec -> spec.home() != TorchPackage.TORCH)
            .filter(spec -> spec.name().equalsIgnoreCase(name))
            .toList();
    if (candidates.size() > 1) {
      throw new IllegalArgumentException(
          "'"
              + name
              + "' is ambiguous, since packages define it differently: say "
              + String.join(
                  " or ", candidates.stream().map(TorchOptimizerSpec::qualifiedName).toList()));
    }
    if (candidates.size() == 1 && candidates.get(0).name().equals(name)) {
      return candidates.get(0);
    }
    throw unknown(
        name,
        name,
        TorchCatalog.ALL.stream().map(TorchOptimizerSpec::name).distinct().toList(),
        TorchCatalog.ALL.stream().map(TorchOptimizers::shortestName).toList());
  }

  private static TorchOptimizerSpec in(TorchPackage home, String name, String rest) {
    int dot = rest.lastIndexOf('.');
    String cls = rest;
    if (dot >= 0) {
      // The module that defines the class, as Python reports it: torch.optim.adam.Adam.
      String inner = rest.substring(dot + 1);
      cls = home.module(inner).equals(rest.substring(0, dot)) ? inner : rest;
    }
    TorchOptimizerSpec found = find(home, cls);
    if (found != null) {
      return found;
    }
    if (home == TorchPackage.TORCH) {
      refuseKnown(cls);
    }
    List<String> known =
        TorchCatalog.ALL.stream()
            .filter(spec -> spec.home() == home)
            .map(TorchOptimizerSpec::name)
            .toList();
    throw unknown(name, cls, known, known);
  }

  private static @Nullable TorchOptimizerSpec find(TorchPackage home, String cls) {
    for (TorchOptimizerSpec spec : TorchCatalog.ALL) {
      if (spec.home() == home && spec.name().equals(cls)) {
        return spec;
      }
    }
    return null;
  }

  private static String shortestName(TorchOptimizerSpec spec) {
    return spec.home() == TorchPackage.TORCH ? spec.name() : spec.qualifiedName();
  }

  private static void refuseKnown(String cls) {
    if (cls.equals("LBFGS")) {
      throw new IllegalArgumentException(
          "torch.optim.LBFGS can't be a module of a pipeline: it evaluates the loss several times"
              + " within a step, through a closure; use TorchLbfgs.of(…).step(params, closure)");
    }
  }

  private static IllegalArgumentException unknown(
      String name, String cls, List<String> near, List<String> known) {
    return new IllegalArgumentException(
        "Unknown torch optimizer '"
            + name
            + "'"
            + NearestName.hint(cls, near)
            + " Known: "
            + known);
  }
}
