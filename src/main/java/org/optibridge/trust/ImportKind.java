package org.optibridge.trust;

/** What is to be imported. */
public enum ImportKind {
  /** A Java class, by its binary name. */
  CLASS("class"),
  /** A native library. */
  LIBRARY("native library"),
  /** An exported program, such as a TorchScript archive or an AOTInductor package. */
  PROGRAM("exported program");

  private final String text;

  ImportKind(String text) {
    this.text = text;
  }

  @Override
  public String toString() {
    return text;
  }
}
