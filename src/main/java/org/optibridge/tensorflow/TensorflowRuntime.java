package org.optibridge.tensorflow;

import org.optibridge.memory.NativeStatus;

/**
 * Settings of TensorFlow, for the whole process. Thread-safe.
 *
 * <p>By default one operation runs on as many threads as the core's sweeps do, and operations run
 * one after another on the caller's thread, so that no more threads are busy than with one
 * framework alone. The system properties {@code optibridge.tensorflow.intra_op_threads} and {@code
 * optibridge.tensorflow.inter_op_threads} change that, as {@link #setThreads} does.
 */
public final class TensorflowRuntime {
  private TensorflowRuntime() {}

  /** Returns TensorFlow's version, {@code "2.18.0"}. */
  public static String version() {
    return TensorflowLibrary.ob_tf_version();
  }

  /**
   * Sets how many threads TensorFlow keeps, before the first module is made.
   *
   * @param intraOp threads within one operation; 0 for as many as the core has
   * @param interOp threads that run operations of one function; at least 1
   * @throws UnsupportedOperationException if TensorFlow runs already, with other numbers
   */
  public static void setThreads(int intraOp, int interOp) {
    NativeStatus.check(TensorflowLibrary.ob_tf_set_threads(intraOp, interOp));
  }

  /** Returns how many GPUs TensorFlow sees; 0 without its CUDA libraries. */
  public static int gpus() {
    return TensorflowLibrary.ob_tf_devices("GPU");
  }
}
