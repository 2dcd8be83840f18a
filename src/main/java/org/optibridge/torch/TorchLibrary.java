package org.optibridge.torch;

import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.annotation.Cast;
import org.bytedeco.javacpp.annotation.NoException;
import org.bytedeco.javacpp.annotation.Platform;
import org.bytedeco.javacpp.annotation.Properties;
import org.jspecify.annotations.Nullable;
import org.optibridge.memory.CoreLibrary;

/**
 * The natives of the libtorch bridge, one for each function of the headers {@code torch/ob_*.h},
 * which document them. Not an API for users: nothing here checks its arguments.
 *
 * <p>{@code @NoException} is safe because each of these functions is {@code noexcept} and reports
 * errors as an error block.
 */
@Properties({
  @Platform(
      include = {"core/ob_status.h", "core/ob_core.h", "torch/ob_torch.h", "torch/ob_lbfgs.h"},
      link = "optibridge_torch",
      preload = {"gomp@.1", "openblas@.0", "c10", "torch_cpu", "torch"},
      preloadresource = {"/org/bytedeco/pytorch/", "/org/bytedeco/openblas/"},
      library = "jnioptibridge_torch"),
  @Platform(
      extension = "-gpu",
      preload = {"gomp@.1", "openblas@.0", "c10", "torch_cpu", "c10_cuda", "torch_cuda", "torch"})
})
@NoException(true)
public final class TorchLibrary {
  static {
    // The bridge shares the core's library, which has to be there first.
    Loader.load(CoreLibrary.class);
    Loader.load(TorchLibrary.class);
    ob_torch_share_threads();
  }

  private TorchLibrary() {}

  public static native long ob_torch_create(
      String className,
      int fused,
      String optionNames,
      double[] values,
      int count,
      @Cast("ob_torch_optimizer**") long[] out);

  public static native void ob_torch_destroy(@Cast("ob_torch_optimizer*") long optimizer);

  public static native long ob_torch_join(
      @Cast("ob_torch_optimizer* const*") long[] groups,
      double[] rates,
      int count,
      @Cast("ob_torch_optimizer**") long[] out);

  public static native long ob_torch_assign_groups(
      @Cast("ob_torch_optimizer*") long optimizer,
      @Cast("const int32_t*") int[] groups,
      long tensors);

  public static native long ob_torch_take(
      @Cast("ob_torch_optimizer*") long optimizer, @Cast("ob_torch_optimizer*") long from);

  public static native String ob_torch_slots(@Cast("ob_torch_optimizer*") long optimizer);

  public static native double ob_torch_slot_initial(
      @Cast("ob_torch_optimizer*") long optimizer, int slot);

  public static native int ob_torch_slot_kind(
      @Cast("ob_torch_optimizer*") long optimizer, int slot);

  public static native long ob_torch_slot_shape(
      @Cast("ob_torch_optimizer*") long optimizer,
      int slot,
      String name,
      @Cast("const int64_t*") long[] param,
      int ndim,
      @Cast("int64_t*") long[] out);

  public static native long ob_torch_bind_some(
      @Cast("ob_torch_optimizer*") long optimizer,
      @Cast("const ob_tensor*") long params,
      @Cast("const ob_tensor*") long grads,
      long count,
      @Cast("const int64_t*") long @Nullable [] which,
      @Cast("const int64_t*") long[] slots,
      int slotCount,
      long tensors);

  public static native long ob_torch_sync(@Cast("ob_torch_optimizer*") long optimizer);

  public static native long ob_torch_step(@Cast("ob_torch_optimizer*") long optimizer, double lr);

  public static native int ob_torch_has_eval_weights(@Cast("ob_torch_optimizer*") long optimizer);

  public static native long ob_torch_move_weights(
      @Cast("ob_torch_optimizer*") long optimizer, int toEval);

  public static native int ob_torch_has_blocks(@Cast("ob_torch_optimizer*") long optimizer);

  public static native long ob_torch_step_rows(
      @Cast("ob_torch_optimizer*") long optimizer,
      @Cast("const ob_rows*") long gradients,
      double lr);

  public static native String ob_torch_rows_refusal(
      @Cast("const ob_torch_optimizer*") long optimizer);

  public static native long ob_torch_begin_blocks(
      @Cast("ob_torch_optimizer*") long optimizer, double lr);

  public static native long ob_torch_end_blocks(@Cast("ob_torch_optimizer*") long optimizer);

  public static native long ob_torch_step_block_address();

  public static native void ob_torch_share_threads();

  public static native long ob_torch_zero(@Cast("ob_torch_optimizer*") long optimizer);

  public static native long ob_torch_open_plugin(String path, @Cast("int64_t*") long[] out);

  public static native String ob_torch_import_text(long imported);

  public static native long ob_torch_open_program(
      int kind,
      String path,
      @Nullable String float64Path,
      String name,
      String options,
      @Cast("const int32_t*") int[] optionKinds,
      int optionCount,
      String states,
      @Cast("const int32_t*") int[] kinds,
      double[] initial,
      int stateCount,
      int flags,
      @Cast("int64_t*") long[] out);

  public static native String ob_torch_version();

  public static native int ob_torch_threads();

  public static native void ob_torch_set_threads(int threads);

  public static native int ob_torch_cuda_devices();

  public static native long ob_torch_raise_for_test(int kind);

  public static native long ob_torch_bench_create(
      String className,
      int fused,
      String optionNames,
      double[] values,
      int count,
      @Cast("const ob_tensor*") long params,
      @Cast("const ob_tensor*") long grads,
      long tensors,
      @Cast("ob_torch_bench**") long[] out);

  public static native long ob_torch_bench_step(@Cast("ob_torch_bench*") long bench, double lr);

  public static native void ob_torch_bench_destroy(@Cast("ob_torch_bench*") long bench);

  public static native long ob_torch_pipeline_create(
      int tuned,
      @Cast("const ob_tensor*") long params,
      @Cast("const ob_tensor*") long grads,
      @Cast("const ob_tensor*") long references,
      @Cast("const ob_tensor*") long expAvgs,
      @Cast("const ob_tensor*") long expAvgSqs,
      long tensors,
      @Cast("ob_torch_pipeline**") long[] out);

  public static native long ob_torch_pipeline_step(
      @Cast("ob_torch_pipeline*") long pipeline, double lr);

  public static native void ob_torch_pipeline_destroy(@Cast("ob_torch_pipeline*") long pipeline);

  public static native long ob_torch_lbfgs_create(
      long maxIter,
      long maxEval,
      double toleranceGrad,
      double toleranceChange,
      long historySize,
      int strongWolfe,
      @Cast("ob_torch_lbfgs**") long[] out);

  public static native void ob_torch_lbfgs_destroy(@Cast("ob_torch_lbfgs*") long lbfgs);

  public static native long ob_torch_lbfgs_bind(
      @Cast("ob_torch_lbfgs*") long lbfgs,
      @Cast("const ob_tensor*") long params,
      @Cast("const ob_tensor*") long grads,
      long tensors);

  public static native long ob_torch_lbfgs_begin(@Cast("ob_torch_lbfgs*") long lbfgs, double lr);

  public static native long ob_torch_lbfgs_tell(
      @Cast("ob_torch_lbfgs*") long lbfgs, double loss, int[] again);

  public static native long ob_torch_lbfgs_abort(@Cast("ob_torch_lbfgs*") long lbfgs, int restore);

  public static native long ob_torch_lbfgs_numbers(
      @Cast("const ob_torch_lbfgs*") long lbfgs, double[] numbers);

  public static native long ob_torch_lbfgs_save(
      @Cast("const ob_torch_lbfgs*") long lbfgs,
      @Cast("const ob_tensor*") long d,
      @Cast("const ob_tensor*") long prevFlatGrad,
      @Cast("const ob_tensor*") long oldDirs,
      @Cast("const ob_tensor*") long oldStps,
      double[] ro);

  public static native long ob_torch_lbfgs_load(
      @Cast("ob_torch_lbfgs*") long lbfgs,
      @Cast("const double*") double[] numbers,
      @Cast("const ob_tensor*") long d,
      @Cast("const ob_tensor*") long prevFlatGrad,
      @Cast("const ob_tensor*") long oldDirs,
      @Cast("const ob_tensor*") long oldStps,
      @Cast("const double*") double[] ro);
}
