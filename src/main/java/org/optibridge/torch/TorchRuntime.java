package org.optibridge.torch;

import org.jspecify.annotations.Nullable;
import org.optibridge.memory.FrameworkLibraries;
import org.optibridge.memory.FrameworkNotFoundException;

/**
 * Tells whether libtorch is there, which is optional. Everything of this package that computes
 * throws {@link FrameworkNotFoundException} without it; catalogs and options work. Thread-safe.
 */
public final class TorchRuntime {
  // The versions of pom.xml; a test compares them.
  private static final FrameworkLibraries LIBRARIES =
      new FrameworkLibraries(
          "libtorch",
          TorchLibrary.class,
          "/org/bytedeco/pytorch/%s/libtorch_cpu.so",
          "add org.bytedeco:pytorch:2.10.0-1.5.13 and org.bytedeco:openblas:0.3.31-1.5.13, each also"
              + " with the classifier %s, or org.optibridge:optibridge-platform",
          TorchLibrary::ob_torch_version);

  private TorchRuntime() {}

  /** Returns whether libtorch's libraries are on the class path; loads nothing. */
  public static boolean isOnClassPath() {
    return LIBRARIES.isOnClassPath();
  }

  /**
   * Returns why libtorch can't be used, with the Maven coordinates that are missing if that is the
   * reason; null if it can. Loads it.
   */
  public static @Nullable String problem() {
    return LIBRARIES.problem();
  }

  /**
   * Loads libtorch.
   *
   * @throws FrameworkNotFoundException if it can't be used; the message is {@link #problem()}
   */
  public static void require() {
    LIBRARIES.require();
  }

  /**
   * Returns libtorch's version, {@code "2.10.0"}.
   *
   * @throws FrameworkNotFoundException if it can't be used
   */
  public static String version() {
    require();
    return TorchLibrary.ob_torch_version();
  }
}
