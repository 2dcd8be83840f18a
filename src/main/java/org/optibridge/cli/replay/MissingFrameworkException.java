package org.optibridge.cli.replay;

/** A case needs a framework that is not there. */
final class MissingFrameworkException extends SkippedCaseException {
  private static final long serialVersionUID = 1L;

  MissingFrameworkException(String message) {
    super(message);
  }
}
