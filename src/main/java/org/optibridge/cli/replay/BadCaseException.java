package org.optibridge.cli.replay;

/** A recorded case, or a file of them, that can't be read; the message says where and why. */
public final class BadCaseException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  BadCaseException(String message) {
    super(message);
  }

  BadCaseException(String message, Throwable cause) {
    super(message, cause);
  }
}
