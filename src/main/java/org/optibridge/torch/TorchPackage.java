package org.optibridge.torch;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** A Python package whose optimizers can be named. */
public enum TorchPackage {
  /** PyTorch itself. */
  TORCH("torch.optim.", "torch.optim."),
  /** timm, 1.0.31. */
  TIMM("timm.optim.", "timm."),
  /** pytorch_optimizer, 4.1.0. */
  PYTORCH_OPTIMIZER("pytorch_optimizer.", "pytorch_optimizer.optimizer."),
  /** schedulefree, 1.4.1. */
  SCHEDULEFREE("schedulefree.", "schedulefree."),
  /** No package: a file of a user's. */
  NONE("", "");

  private final String prefix;
  private final String alias;

  TorchPackage(String prefix, String alias) {
    this.prefix = prefix;
    this.alias = alias;
  }

  /**
   * @return what stands before a class's name, with the dot
   */
  public String prefix() {
    return prefix;
  }

  /** What follows the package in a qualified name; null if the name is of another package. */
  @Nullable String rest(String name) {
    if (this == NONE) {
      return null;
    }
    // The longer one first: it may begin with the other.
    String first = prefix.length() > alias.length() ? prefix : alias;
    String second = first.equals(prefix) ? alias : prefix;
    if (name.startsWith(first)) {
      return name.substring(first.length());
    }
    return name.startsWith(second) ? name.substring(second.length()) : null;
  }

  /** The module in which the package defines a class. */
  String module(String cls) {
    String lower = cls.toLowerCase(Locale.ROOT);
    return switch (this) {
      case TORCH, TIMM -> lower;
      case PYTORCH_OPTIMIZER -> lower.startsWith("schedulefree") ? "schedulefree" : lower;
      case SCHEDULEFREE -> lower.replace("schedulefree", "_schedulefree");
      case NONE -> "";
    };
  }

  /** Whether 'nesterov' is refused without momentum or with dampening. */
  boolean checksNesterov() {
    return this == TORCH || this == TIMM;
  }
}
