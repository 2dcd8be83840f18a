package org.optibridge.torch;

import java.lang.System.Logger.Level;
import org.jspecify.annotations.Nullable;
import org.optibridge.torch.TorchBinding.Extent;
import org.optibridge.torch.TorchBinding.Kind;
import org.optibridge.vector.Recording;
import org.optibridge.vector.VectorSpec;

/** Keeps the binding of a module's last step and logs each change of it with the reason. */
final class TorchBindings {
  private static final System.Logger LOGGER = System.getLogger("org.optibridge.torch");

  private final TorchHandle handle;
  private volatile @Nullable TorchBinding last;

  TorchBindings(TorchHandle handle) {
    this.handle = handle;
  }

  @Nullable TorchBinding last() {
    return last;
  }

  /**
   * Tells how a step is taken.
   *
   * @param params the weights that it steps
   * @param stored whether the gradients were in memory before
   */
  void is(Kind kind, boolean inBlocks, VectorSpec params, boolean stored) {
    TorchBinding former = last;
    Extent extent = inBlocks ? Extent.BLOCKS : Extent.WHOLE_TENSORS;
    if (former != null && former.kind() == kind && former.extent() == extent) {
      return;
    }
    TorchBinding next = new TorchBinding(kind, extent);
    last = next;
    Recording.onRollBack(() -> last = former);
    if (LOGGER.isLoggable(Level.DEBUG)) {
      String why =
          inBlocks ? "large tensors, whose gradients a sweep computes" : why(params, stored);
      LOGGER.log(
          Level.DEBUG,
          handle.options().spec().qualifiedName()
              + " steps "
              + next
              + ": "
              + why(kind)
              + "; "
              + why);
    }
  }

  private String why(Kind kind) {
    return switch (kind) {
      case IN_PLACE -> "it ends the pipeline";
      case PARAMETER_AWARE -> "its output is asked for, and the step depends on the weights";
      case DIRECTION ->
          "its output is asked for, and "
              + (handle.options().readsWeights()
                  ? "no weights are at hand"
                  : "the step does not depend on the weights");
    };
  }

  /** Why a step is not part of a sweep. */
  private String why(VectorSpec params, boolean stored) {
    if (!handle.hasBlocks()) {
      return "the step is one of whole tensors";
    }
    if (!params.isOnHost()) {
      return "the tensors are not in host memory";
    }
    if (params.numel() < TorchOptiModule.BLOCK_WORTH * params.size()) {
      return "the tensors have fewer than " + TorchOptiModule.BLOCK_WORTH + " elements on average";
    }
    return stored ? "the gradients are in memory" : "no pipeline records a sweep";
  }
}
