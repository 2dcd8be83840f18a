package org.optibridge.trust;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * One entry of an allow-list, exactly as wide as its kind says.
 *
 * @param kind what is compared
 * @param value with what, in the form that is compared: a name; a real path; lower-case digits
 */
public record AllowRule(Kind kind, String value) {
  private static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");

  /** What a rule compares. */
  public enum Kind {
    /** One class, by its binary name; classes nested in it have other names. */
    CLASS("class"),
    /** The classes of one package, nested ones included, but no package below it. */
    PACKAGE("package"),
    /** The classes of a package and of all packages below it. */
    PACKAGE_TREE("package-tree"),
    /** One file, or all files below a folder, whatever their content. */
    PATH("path"),
    /** The content of a file, wherever it lies. */
    SHA256("sha256");

    private final String key;

    Kind(String key) {
      this.key = key;
    }

    /** Returns its name in policy files and on the command line. */
    public String key() {
      return key;
    }
  }

  /**
   * Brings the value into the form that is compared.
   *
   * @throws IllegalArgumentException if the value can't be of that kind; a path, which may be
   *     relative, must exist: its symbolic links are resolved now, not again when it is compared
   */
  public AllowRule {
    value = normal(kind, value);
  }

  /**
   * @param text {@code KIND:VALUE}, such as {@code package:com.example}; a class's name alone means
   *     {@code class:}
   * @return the rule
   * @throws IllegalArgumentException if the kind is unknown or the value can't be of it
   */
  public static AllowRule parse(String text) {
    int colon = text.indexOf(':');
    return colon < 0
        ? new AllowRule(Kind.CLASS, text)
        : of(text.substring(0, colon), text.substring(colon + 1));
  }

  static AllowRule of(String key, String value) {
    for (Kind kind : Kind.values()) {
      if (kind.key.equals(key)) {
        return new AllowRule(kind, value);
      }
    }
    throw new IllegalArgumentException(
        "Unknown key '"
            + Printable.of(key)
            + "' of an import rule; known: "
            + Arrays.stream(Kind.values()).map(Kind::key).toList());
  }

  /** The narrowest rule that allows a request: a class by its name, a file by its content. */
  static AllowRule narrowest(ImportRequest request) {
    CheckedBytes bytes = request.bytes();
    return bytes == null
        ? new AllowRule(Kind.CLASS, request.name())
        : new AllowRule(Kind.SHA256, bytes.sha256());
  }

  private static String normal(Kind kind, String value) {
    return switch (kind) {
      case CLASS -> {
        String fault = ClassNames.fault(value);
        yield require(fault == null, kind, value, "can't be allowed: " + fault);
      }
      case PACKAGE, PACKAGE_TREE ->
          require(
              ClassNames.isPackage(value),
              kind,
              value,
              "can't be allowed: it is no package of Java classes, such as com.example");
      case SHA256 -> {
        String digits = value.toLowerCase(Locale.ROOT);
        yield require(SHA256.matcher(digits).matches(), kind, digits, "has not 64 hex digits");
      }
      case PATH -> realPath(kind, value);
    };
  }

  private static String realPath(Kind kind, String value) {
    try {
      Path real = Path.of(value).toRealPath();
      boolean good = Files.isRegularFile(real) || Files.isDirectory(real);
      return require(good, kind, real.toString(), "is neither a file nor a folder");
    } catch (IOException | InvalidPathException e) {
      throw new IllegalArgumentException(
          "Import rule " + kind.key + " '" + Printable.of(value) + "' names nothing that is there",
          e);
    }
  }

  private static String require(boolean good, Kind kind, String value, String fault) {
    if (!good) {
      throw new IllegalArgumentException(
          "Import rule " + kind.key + " '" + Printable.of(value) + "' " + fault);
    }
    return value;
  }

  /** Whether this rule allows it; the request's name is well-formed. */
  boolean allows(ImportRequest request) {
    CheckedBytes bytes = request.bytes();
    String name = request.name();
    return switch (kind) {
      case CLASS -> bytes == null && name.equals(value);
      case PACKAGE -> bytes == null && ClassNames.packageOf(name).equals(value);
      case PACKAGE_TREE -> bytes == null && name.startsWith(value + ".");
      // By parts, so that /opt/lib does not hold /opt/library/x.
      case PATH -> bytes != null && bytes.source().startsWith(Path.of(value));
      case SHA256 -> bytes != null && bytes.sha256().equals(value);
    };
  }

  /** Returns the line of a policy file: {@code class = com.example.Mine}. */
  public String line() {
    return kind.key + " = " + value;
  }

  /** Returns the argument of the command line: {@code class:com.example.Mine}. */
  @Override
  public String toString() {
    return kind.key + ":" + value;
  }
}
