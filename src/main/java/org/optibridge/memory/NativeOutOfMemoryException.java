package org.optibridge.memory;

/** Host or device memory ran out; nothing was changed by the operation that asked for it. */
public final class NativeOutOfMemoryException extends OptiBridgeException {
  private static final long serialVersionUID = 1L;

  /**
   * @param message the operation that asked for memory
   */
  public NativeOutOfMemoryException(String message) {
    super(message);
  }
}
