package org.optibridge.cli.replay;

/** A case can't be run here, for a reason that is no fault of the case. */
class SkippedCaseException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  SkippedCaseException(String message) {
    super(message);
  }
}
