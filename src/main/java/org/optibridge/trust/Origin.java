package org.optibridge.trust;

/** Who asks for an import. */
public enum Origin {
  /** A call in the application's own code. */
  CODE("code"),
  /** An argument on the command line. */
  COMMAND_LINE("the command line"),
  /** A config that was read, possibly from another machine; validation can't be turned off. */
  CONFIG("a config");

  private final String text;

  Origin(String text) {
    this.text = text;
  }

  @Override
  public String toString() {
    return text;
  }
}
