package org.optibridge.trust;

import java.security.MessageDigest;

/** Digests for tests. */
final class Bytes {
  private Bytes() {}

  static String sha256(byte[] bytes) {
    MessageDigest digest = Digests.sha256();
    digest.update(bytes);
    return Digests.hex(digest);
  }
}
