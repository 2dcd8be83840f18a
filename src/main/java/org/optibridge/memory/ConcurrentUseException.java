package org.optibridge.memory;

/**
 * Two threads used an object at once that allows one user at a time: a second step of one
 * optimizer, or a write to a vector that another call reads. The call that raised this changed
 * nothing.
 */
public final class ConcurrentUseException extends IllegalStateException {
  private static final long serialVersionUID = 1L;

  /**
   * @param what the object, as it describes itself
   */
  public ConcurrentUseException(String what) {
    super(
        what
            + " is in use by another call; wait for that call to return, or give each thread its"
            + " own");
  }
}
