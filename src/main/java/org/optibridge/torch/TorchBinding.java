package org.optibridge.torch;

/**
 * How a step of a {@link TorchOptiModule} reaches the memory it works on.
 *
 * @param kind what libtorch steps
 * @param extent in what pieces
 */
public record TorchBinding(Kind kind, Extent extent) {
  /** What libtorch steps. */
  public enum Kind {
    /** An artificial parameter of zeros, at a learning rate of 1. */
    DIRECTION,
    /** A copy of the weights, at a learning rate of 1. */
    PARAMETER_AWARE,
    /** The weights themselves, at the pipeline's rate. */
    IN_PLACE
  }

  /** In what pieces. */
  public enum Extent {
    /** Whole tensors, in a call of its own. */
    WHOLE_TENSORS,
    /** Blocks that stay in cache, within the sweep that computes the gradients. */
    BLOCKS
  }

  @Override
  public String toString() {
    String what =
        switch (kind) {
          case DIRECTION -> "direction";
          case PARAMETER_AWARE -> "parameter-aware direction";
          case IN_PLACE -> "in place";
        };
    return what + (extent == Extent.BLOCKS ? ", in blocks of the sweep" : ", whole tensors");
  }
}
