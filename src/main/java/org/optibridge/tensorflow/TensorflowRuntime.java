package org.optibridge.tensorflow;

import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.optibridge.memory.FrameworkLibraries;
import org.optibridge.memory.FrameworkNotFoundException;
import org.optibridge.memory.NativeStatus;

/**
 * Tells whether TensorFlow is there, which is optional, and sets it up for the whole process.
 * Everything of this package that computes throws {@link FrameworkNotFoundException} without it;
 * catalogs and options work. Thread-safe.
 *
 * <p>By default one operation runs on as many threads as the core's sweeps do, and operations run
 * one after another on the caller's thread, so that no more threads are busy than with one
 * framework alone. The system properties {@code optibridge.tensorflow.intra_op_threads} and {@code
 * optibridge.tensorflow.inter_op_threads} change that, as {@link #setThreads} does.
 *
 * <p>TensorFlow prints notes on the processor to standard error as it starts. They are kept back:
 * unless the environment has a {@code TF_CPP_MIN_LOG_LEVEL}, the C library's environment gets one
 * of 1 (warnings and errors only) just before TensorFlow is loaded. Set it to 0 to see the notes.
 * {@link System#getenv} does not show the change, and programs that Java starts do not inherit it.
 */
public final class TensorflowRuntime {
  /** The device whose memory the JVM shares. */
  static final String HOST = "CPU:0";

  private static final Pattern DEVICE = Pattern.compile("(CPU|GPU)(:[0-9]{1,4})?");

  private static volatile String device =
      checked(System.getProperty("optibridge.tensorflow.device", HOST));
  // The version of pom.xml; a test compares them.
  private static final FrameworkLibraries LIBRARIES =
      new FrameworkLibraries(
          "TensorFlow",
          TensorflowLibrary.class,
          "/org/tensorflow/internal/c_api/%s/libtensorflow_cc.so.2",
          "add org.tensorflow:tensorflow-core-native:1.1.0 with the classifier %s",
          TensorflowLibrary::ob_tf_version);

  private TensorflowRuntime() {}

  /** Returns whether TensorFlow's libraries are on the class path; loads nothing. */
  public static boolean isOnClassPath() {
    return LIBRARIES.isOnClassPath();
  }

  /**
   * Returns why TensorFlow can't be used, with the Maven coordinate that is missing if that is the
   * reason; null if it can. Loads it.
   */
  public static @Nullable String problem() {
    return LIBRARIES.problem();
  }

  /**
   * Loads TensorFlow.
   *
   * @throws FrameworkNotFoundException if it can't be used; the message is {@link #problem()}
   */
  public static void require() {
    LIBRARIES.require();
  }

  /**
   * Returns TensorFlow's version, {@code "2.18.0"}.
   *
   * @throws FrameworkNotFoundException if it can't be used
   */
  public static String version() {
    require();
    return TensorflowLibrary.ob_tf_version();
  }

  /**
   * Sets how many threads TensorFlow keeps, before the first module is made.
   *
   * @param intraOp threads within one operation; 0 for as many as the core has
   * @param interOp threads that run operations of one function; at least 1
   * @throws UnsupportedOperationException if TensorFlow runs already, with other numbers
   * @throws FrameworkNotFoundException if it can't be used
   */
  public static void setThreads(int intraOp, int interOp) {
    require();
    NativeStatus.check(TensorflowLibrary.ob_tf_set_threads(intraOp, interOp));
  }

  /**
   * Chooses where modules compute. A module asks when it is made, at {@link
   * TensorflowOptiModule#reset} and at {@link TensorflowOptiModule#setState}, and stays there until
   * the next of these. The system property {@code optibridge.tensorflow.device} sets the first
   * choice.
   *
   * <p>Vectors stay in host memory. On any device but the host, {@code "CPU:0"}, each step copies
   * gradients and weights to the device and the result back, which {@link
   * org.optibridge.memory.NativeMemory#copiedBytes()} counts; state stays there. TensorFlow takes
   * memory of a GPU as it needs it, not all at once.
   *
   * @param name {@code "CPU"}, {@code "GPU"} or {@code "GPU:1"}; {@code "CPU:1"} and above are
   *     there if the system property {@code optibridge.tensorflow.cpus} says how many logical
   *     devices the processor counts as, to try out devices without a GPU
   * @throws IllegalArgumentException if it is none of these; whether there is such a device is
   *     found out by the module that asks for it
   */
  public static void setDevice(String name) {
    device = checked(name);
  }

  /** Returns where the next module computes, {@code "CPU:0"} or {@code "GPU:1"}. */
  public static String device() {
    return device;
  }

  private static String checked(String name) {
    if (!DEVICE.matcher(name).matches()) {
      throw new IllegalArgumentException(
          "Unknown device '" + name + "' of TensorFlow; write \"CPU\", \"GPU\" or \"GPU:1\"");
    }
    return name.contains(":") ? name : name + ":0";
  }

  /**
   * @return the chosen device
   * @throws UnsupportedOperationException if TensorFlow has none of that name
   */
  static String existingDevice() {
    String chosen = device;
    if (!chosen.equals(HOST)) {
      require();
      try {
        NativeStatus.check(TensorflowLibrary.ob_tf_find_device(chosen));
      } catch (UnsupportedOperationException e) {
        throw new UnsupportedOperationException(
            e.getMessage()
                + (chosen.startsWith("GPU")
                    ? ". GPUs need org.tensorflow:tensorflow-core-native with the classifier"
                        + " linux-x86_64-gpu, CUDA and cuDNN"
                    : ""),
            e);
      }
    }
    return chosen;
  }
}
