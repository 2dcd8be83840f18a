package org.optibridge.trust;

/**
 * The import policy refused something: nothing of it was loaded, opened or run. It is an illegal
 * argument, so that what handles a bad config handles this too.
 */
public final class ImportRefusedException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  /**
   * @param message what was refused, why, and how to allow it
   */
  public ImportRefusedException(String message) {
    super(message);
  }
}
