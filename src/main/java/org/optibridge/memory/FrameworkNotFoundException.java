package org.optibridge.memory;

/** A framework is needed whose libraries are not on the class path, or can't be loaded. */
public final class FrameworkNotFoundException extends OptiBridgeException {
  private static final long serialVersionUID = 1L;

  /**
   * @param message what is missing and the Maven coordinates that bring it, or why it does not load
   */
  public FrameworkNotFoundException(String message) {
    super(message);
  }
}
