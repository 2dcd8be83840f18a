package org.optibridge.tensorflow;

import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.annotation.Cast;
import org.bytedeco.javacpp.annotation.NoException;
import org.bytedeco.javacpp.annotation.Platform;
import org.bytedeco.javacpp.annotation.Properties;
import org.jspecify.annotations.Nullable;
import org.optibridge.memory.CoreLibrary;
import org.optibridge.memory.NativeStatus;

/**
 * The natives of the TensorFlow bridge, one for each function of {@code
 * tensorflow/ob_tensorflow.h}, which documents them. Not an API for users: nothing here checks its
 * arguments.
 *
 * <p>{@code @NoException} is safe because each of these functions is {@code noexcept} and reports
 * errors as an error block.
 */
@Properties(
    value =
        @Platform(
            include = {"core/ob_status.h", "core/ob_core.h", "tensorflow/ob_tensorflow.h"},
            link = "optibridge_tensorflow",
            preload = {"tensorflow_framework@.2", "tensorflow_cc@.2"},
            preloadresource = "/org/tensorflow/internal/c_api/",
            library = "jnioptibridge_tensorflow"))
@NoException(true)
public final class TensorflowLibrary {
  static {
    // The bridge shares the core's library, which has to be there first.
    Loader.load(CoreLibrary.class);
    // TensorFlow's notes on itself stay off, its warnings on.
    CoreLibrary.ob_default_variable("TF_CPP_MIN_LOG_LEVEL", "1");
    Loader.load(TensorflowLibrary.class);
    NativeStatus.check(
        ob_tf_set_threads(
            Integer.getInteger("optibridge.tensorflow.intra_op_threads", 0),
            Integer.getInteger("optibridge.tensorflow.inter_op_threads", 1)));
    NativeStatus.check(ob_tf_set_cpus(Integer.getInteger("optibridge.tensorflow.cpus", 1)));
  }

  private TensorflowLibrary() {}

  public static native long ob_tf_variables_create(
      long tensors,
      @Cast("const int32_t*") int[] dtypes,
      @Cast("const int32_t*") int[] ndims,
      @Cast("const int64_t*") long[] shapes,
      int layout,
      String device,
      @Cast("int64_t*") long[] addresses,
      @Cast("ob_tf_variables**") long[] out);

  public static native void ob_tf_variables_destroy(@Cast("ob_tf_variables*") long variables);

  public static native long ob_tf_variables_push(@Cast("ob_tf_variables*") long variables);

  public static native long ob_tf_variables_pull(@Cast("ob_tf_variables*") long variables);

  public static native long ob_tf_create(
      String className,
      String optionNames,
      double[] values,
      int count,
      @Cast("ob_tf_optimizer**") long[] out);

  public static native long ob_tf_import(
      String className,
      String name,
      @Cast("const void*") byte[] functions,
      @Cast("const int64_t*") long[] sizes,
      int count,
      String steps,
      String options,
      String slots,
      @Cast("const int32_t*") int[] kinds,
      double[] initials,
      int slotCount,
      int flags);

  public static native void ob_tf_destroy(@Cast("ob_tf_optimizer*") long optimizer);

  public static native String ob_tf_slots(@Cast("const ob_tf_optimizer*") long optimizer);

  public static native double ob_tf_slot_initial(
      @Cast("const ob_tf_optimizer*") long optimizer, int slot);

  public static native int ob_tf_slot_kind(
      @Cast("const ob_tf_optimizer*") long optimizer, int slot);

  public static native int ob_tf_elementwise(@Cast("const ob_tf_optimizer*") long optimizer);

  public static native long ob_tf_bind(
      @Cast("ob_tf_optimizer*") long optimizer,
      @Cast("const ob_tf_variables*") long params,
      @Cast("const int64_t*") long[] slots,
      int slotCount,
      @Cast("const ob_tensor*") long grads,
      long tensors,
      @Cast("const int64_t*") long @Nullable [] positions);

  public static native int ob_tf_rows_are_enough(@Cast("const ob_tf_optimizer*") long optimizer);

  public static native long ob_tf_step_rows(
      @Cast("ob_tf_optimizer*") long optimizer,
      @Cast("const ob_tensor*") long params,
      @Cast("const int64_t*") long[] slots,
      int slotCount,
      @Cast("const ob_rows*") long gradients,
      long tensors,
      double lr,
      long step);

  public static native long ob_tf_step(
      @Cast("ob_tf_optimizer*") long optimizer, double lr, long step);

  public static native String ob_tf_version();

  public static native long ob_tf_set_threads(int intraOp, int interOp);

  public static native long ob_tf_set_cpus(int cpus);

  public static native long ob_tf_find_device(String name);

  public static native long ob_tf_raise_for_test(int kind);

  public static native long ob_tf_bench_create(
      @Cast("const ob_tensor*") long params,
      @Cast("const ob_tensor*") long grads,
      long tensors,
      @Cast("int64_t*") long[] addresses,
      @Cast("ob_tf_bench**") long[] out);

  public static native long ob_tf_bench_step(@Cast("ob_tf_bench*") long bench, double lr);

  public static native void ob_tf_bench_destroy(@Cast("ob_tf_bench*") long bench);
}
