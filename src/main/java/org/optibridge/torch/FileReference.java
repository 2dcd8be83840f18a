package org.optibridge.torch;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.optibridge.trust.ImportKind;

/**
 * A file with optimizers, as it is written: {@code libmine.so:Lion}, {@code lamb.pt}, {@code
 * lamb.pt2}.
 *
 * @param text the whole text
 * @param path the file's path
 * @param name which optimizer of a library; null if it has just one
 * @param form what the file is
 */
record FileReference(String text, String path, @Nullable String name, Form form) {
  private static final Pattern NAMED =
      Pattern.compile("(?s)(.+\\.so(?:\\.\\d+)*)(?::([A-Za-z_][A-Za-z0-9_]*))?");

  /** What the file's ending says. */
  enum Form {
    PLUGIN(ImportKind.LIBRARY),
    SCRIPT(ImportKind.PROGRAM),
    COMPILED(ImportKind.PROGRAM);

    final ImportKind kind;

    Form(ImportKind kind) {
      this.kind = kind;
    }
  }

  /** Whether a text can only mean a file: no name of an optimizer or a class has such an ending. */
  static boolean isOne(String text) {
    return text.indexOf('/') >= 0
        || NAMED.matcher(text).matches()
        || text.endsWith(".pt")
        || text.endsWith(".pt2");
  }

  /**
   * Reads such a text.
   *
   * @throws IllegalArgumentException if no optimizer can be in a file of that name
   */
  static FileReference of(String text) {
    Matcher named = NAMED.matcher(text);
    if (named.matches()) {
      return new FileReference(text, named.group(1), named.group(2), Form.PLUGIN);
    }
    if (text.endsWith(".pt2")) {
      return new FileReference(text, text, null, Form.COMPILED);
    }
    if (text.endsWith(".pt")) {
      return new FileReference(text, text, null, Form.SCRIPT);
    }
    throw new IllegalArgumentException(
        "'"
            + text
            + "' names no file with an optimizer: FILE.so or FILE.so:NAME is a plug-in library,"
            + " FILE.pt a TorchScript archive, FILE.pt2 an AOTInductor package");
  }
}
