package org.optibridge.torch;

import java.util.function.Supplier;
import org.optibridge.memory.NativeStatus;
import org.optibridge.vector.BlockKernel;
import org.optibridge.vector.Vector;

/** A fused kernel of libtorch as an instruction of a sweep, on the state slots that are bound. */
final class TorchBlockKernel implements BlockKernel {
  private final TorchHandle handle;
  private final TorchOptions options;
  private final double rate;
  private final Supplier<Vector> result;
  private boolean begun;

  /**
   * @param handle bound to slots
   * @param rate the learning rate of the step
   * @param result gives the memory for a result that is needed after the sweep
   */
  TorchBlockKernel(TorchHandle handle, double rate, Supplier<Vector> result) {
    this.handle = handle;
    this.options = handle.options();
    this.rate = rate;
    this.result = result;
  }

  /** Returns whether the step was taken, or is being taken. */
  boolean hasBegun() {
    return begun;
  }

  @Override
  public long function() {
    return TorchLibrary.ob_torch_step_block_address();
  }

  @Override
  public long context() {
    return handle.address;
  }

  @Override
  public void begin() {
    handle.acquireExclusive();
    try {
      if (handle.options() != options) {
        throw new IllegalStateException(
            "Options of " + handle + " were changed after the step was recorded and before it ran");
      }
      NativeStatus.check(TorchLibrary.ob_torch_begin_blocks(handle.address, rate));
      begun = true;
    } catch (RuntimeException | Error e) {
      handle.release();
      throw e;
    }
  }

  @Override
  public void end() {
    try {
      NativeStatus.check(TorchLibrary.ob_torch_end_blocks(handle.address));
    } finally {
      handle.release();
    }
  }

  @Override
  public Vector result() {
    return result.get();
  }
}
