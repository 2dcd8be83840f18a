package org.optibridge.memory;

/** An object that owns native memory was used after {@code close()}. */
public final class ClosedException extends IllegalStateException {
  private static final long serialVersionUID = 1L;

  /**
   * @param what the object, as it describes itself
   */
  public ClosedException(String what) {
    super(what + " was used after close()");
  }
}
