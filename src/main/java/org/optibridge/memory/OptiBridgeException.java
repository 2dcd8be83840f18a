package org.optibridge.memory;

/** A native call failed for a reason that lies in the framework or in the native code. */
public class OptiBridgeException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * @param message the operation, what happened and, if known, the framework's own text
   */
  public OptiBridgeException(String message) {
    super(message);
  }
}
