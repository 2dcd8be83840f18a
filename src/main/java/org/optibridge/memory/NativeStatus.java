package org.optibridge.memory;

/** Turns the result of a native call into the exception that it stands for. */
public final class NativeStatus {
  private static final int INVALID = 1;
  private static final int OUT_OF_MEMORY = 2;
  private static final int UNSUPPORTED = 3;

  private NativeStatus() {}

  /**
   * Returns if the call succeeded, else releases the error block and throws.
   *
   * @param result what a native function returned: 0, or the address of an error block
   * @throws IllegalArgumentException if an argument was wrong
   * @throws UnsupportedOperationException if what was asked is valid but cannot be done here
   * @throws NativeOutOfMemoryException if memory ran out
   * @throws OptiBridgeException if the framework or the native code raised any other error
   */
  public static void check(long result) {
    if (result != 0) {
      throw toException(result);
    }
  }

  private static RuntimeException toException(long error) {
    int code = CoreLibrary.ob_error_code(error);
    String message = CoreLibrary.ob_error_message(error);
    CoreLibrary.ob_error_free(error);
    return switch (code) {
      case INVALID -> new IllegalArgumentException(message);
      case OUT_OF_MEMORY -> new NativeOutOfMemoryException(message);
      case UNSUPPORTED -> new UnsupportedOperationException(message);
      default -> new OptiBridgeException(message);
    };
  }
}
