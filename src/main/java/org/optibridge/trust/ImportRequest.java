package org.optibridge.trust;

import org.jspecify.annotations.Nullable;

/**
 * What a policy decides on.
 *
 * @param kind what is to be imported
 * @param name as it was written: a class's binary name, a file's path
 * @param bytes of a file; null for a class
 * @param location where a class would come from, if a validator is to be asked and it can be told
 * @param origin who asks
 */
public record ImportRequest(
    ImportKind kind,
    String name,
    @Nullable CheckedBytes bytes,
    @Nullable String location,
    Origin origin) {

  /** Refuses a file without bytes and a class with them. */
  public ImportRequest {
    if ((kind == ImportKind.CLASS) != (bytes == null)) {
      throw new IllegalArgumentException(
          "A request for a " + kind + (bytes == null ? " needs its bytes" : " has no bytes"));
    }
  }

  static ImportRequest ofClass(String name, Origin origin) {
    return new ImportRequest(ImportKind.CLASS, name, null, null, origin);
  }

  ImportRequest at(@Nullable String place) {
    return new ImportRequest(kind, name, bytes, place, origin);
  }

  /** Returns one line for logs and messages, free of control characters. */
  public String describe() {
    String what = kind + " '" + Printable.of(name) + "'";
    if (bytes != null) {
      what +=
          " ("
              + Printable.of(bytes.source().toString())
              + ", "
              + bytes.size()
              + " bytes, sha256 "
              + bytes.sha256()
              + ")";
    }
    return what + ", asked for by " + origin;
  }
}
