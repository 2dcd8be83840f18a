package org.optibridge.trust;

import java.nio.file.Path;

/**
 * A file that the policy allowed: a private, read-only copy of exactly the bytes that were decided
 * upon. What happens to the original makes no difference any more.
 */
public final class VerifiedFile implements AutoCloseable {
  private final PrivateCopy copy;
  private final CheckedBytes bytes;

  VerifiedFile(PrivateCopy copy, CheckedBytes bytes) {
    this.copy = copy;
    this.bytes = bytes;
  }

  /**
   * @return the copy, the only file to load; it has the original's name, in a folder of its own,
   *     and is gone after {@link #close()}
   */
  public Path path() {
    return copy.file();
  }

  /** Returns where the bytes came from, their digest and their number. */
  public CheckedBytes bytes() {
    return bytes;
  }

  /** Deletes the copy; a library that is loaded stays loaded. May be called twice. */
  @Override
  public void close() {
    copy.close();
  }

  @Override
  public String toString() {
    return bytes.source() + ", copied to " + copy.file();
  }
}
