package org.optibridge.memory;

import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.annotation.Cast;
import org.bytedeco.javacpp.annotation.NoException;
import org.bytedeco.javacpp.annotation.Platform;
import org.bytedeco.javacpp.annotation.Properties;

/**
 * The natives of the core, one for each function of {@code core/ob_core.h}, {@code
 * core/ob_environment.h} and {@code core/ob_status.h}, which document them. Addresses travel as
 * {@code long}. Not an API for users: nothing here checks its arguments.
 *
 * <p>{@code @NoException} is safe because each of these functions is {@code noexcept} and reports
 * errors as an error block, see {@link NativeStatus}.
 */
@Properties(
    value =
        @Platform(
            include = {"core/ob_status.h", "core/ob_core.h", "core/ob_environment.h"},
            link = "optibridge_core",
            library = "jnioptibridge_core"))
@NoException(true)
public final class CoreLibrary {
  static {
    Loader.load(CoreLibrary.class);
  }

  private CoreLibrary() {}

  public static native int ob_error_code(@Cast("const ob_error*") long error);

  public static native String ob_error_message(@Cast("const ob_error*") long error);

  public static native void ob_error_free(@Cast("ob_error*") long error);

  public static native long ob_raise_for_test(int kind);

  public static native long ob_alloc(long bytes, @Cast("void**") long[] out);

  public static native void ob_free(@Cast("void*") long address);

  public static native void ob_copy(
      @Cast("void*") long to, @Cast("const void*") long from, long bytes);

  public static native long ob_counter(int id);

  public static native void ob_count(int id, long delta);

  public static native void ob_reset_peak();

  public static native void ob_set_threads(int threads);

  public static native int ob_threads();

  public static native String ob_instruction_set();

  public static native void ob_default_variable(String name, String value);

  public static native long ob_sweep(
      @Cast("const int32_t*") int[] code,
      double[] constant,
      int nodes,
      @Cast("const int64_t*") long[] vectors,
      int vectorCount,
      long tensors,
      @Cast("const double*") double[] values,
      @Cast("const int64_t*") long[] extras,
      double[] results);

  public static native long ob_find_bad_row(
      @Cast("const int64_t*") long rows, long count, long extent);

  public static native long ob_add_rows(
      @Cast("const ob_tensor*") long target, @Cast("const ob_rows*") long source, double scale);

  public static native long ob_clear_rows(
      @Cast("const ob_tensor*") long target, @Cast("const ob_rows*") long source);

  public static native long ob_random_key(@Cast("int64_t*") long[] key);

  public static native long ob_fill_noise(
      int kind,
      @Cast("const int64_t*") long[] key,
      long draw,
      long tensor,
      long first,
      long n,
      int dtype,
      @Cast("void*") long out);

  public static native void ob_floor_adam(
      @Cast("float*") long p,
      @Cast("const float*") long g,
      @Cast("float*") long m,
      @Cast("float*") long v,
      long numel);

  public static native void ob_floor_step(
      @Cast("float*") long p,
      @Cast("const float*") long g,
      @Cast("const int64_t*") long[] states,
      int count,
      long numel);

  public static native float ob_floor_pipeline(
      @Cast("float*") long p,
      @Cast("const float*") long g,
      @Cast("const float*") long q,
      @Cast("float*") long m,
      @Cast("float*") long v,
      long numel);
}
