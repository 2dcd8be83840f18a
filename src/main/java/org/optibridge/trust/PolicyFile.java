package org.optibridge.trust;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Allow-lists as text. */
final class PolicyFile {
  private static final long MAX_BYTES = 1 << 20;
  private static final int WRITABLE_BY_OTHERS = 0002;
  private static final int STICKY = 01000;

  private PolicyFile() {}

  /** The rules of a file that others can't have written. */
  static List<AllowRule> read(Path file) {
    try {
      String text = Files.readString(check(file), StandardCharsets.UTF_8);
      List<AllowRule> rules = new ArrayList<>();
      int number = 0;
      for (String line : text.split("\\R", -1)) {
        number++;
        String content = line.strip();
        if (!content.isEmpty() && !content.startsWith("#")) {
          rules.add(rule(file, number, content));
        }
      }
      return rules;
    } catch (NoSuchFileException e) {
      throw fault(file, "does not exist", e);
    } catch (CharacterCodingException e) {
      throw fault(file, "is not UTF-8 text", e);
    } catch (FileSystemException e) {
      throw fault(file, "can't be read: " + e.getClass().getSimpleName(), e);
    } catch (IOException e) {
      throw fault(file, "can't be read: " + e.getMessage(), e);
    }
  }

  private static AllowRule rule(Path file, int number, String line) {
    int equals = line.indexOf('=');
    if (equals < 0) {
      throw fault(file, "line " + number + ": expected 'key = value'", null);
    }
    String key = line.substring(0, equals).strip();
    String value = line.substring(equals + 1).strip();
    if (key.equals("validate")) {
      String message = "validation can be turned off in code only, not in a file";
      throw fault(file, "line " + number + ": " + message, null);
    }
    if (key.equals(AllowRule.Kind.PATH.key()) && !Path.of(value).isAbsolute()) {
      throw fault(file, "line " + number + ": a path must be absolute: '" + value + "'", null);
    }
    try {
      return AllowRule.of(key, value);
    } catch (IllegalArgumentException e) {
      throw fault(file, "line " + number + ": " + e.getMessage(), e);
    }
  }

  /** Adds a rule to a file that is still as it must be. */
  static void append(Path file, AllowRule rule) {
    try {
      Path real = check(file);
      String old = Files.readString(real, StandardCharsets.UTF_8);
      String line = old.isEmpty() || old.endsWith("\n") ? "" : "\n";
      line += rule.line() + "\n";
      Files.writeString(real, line, StandardCharsets.UTF_8, StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw fault(file, "can't be added to: " + e.getMessage(), e);
    }
  }

  /** Returns where it really lies. */
  private static Path check(Path file) throws IOException {
    Path real = file.toRealPath();
    if (!Files.isRegularFile(real)) {
      throw fault(file, "is not a file", null);
    }
    if (Files.size(real) > MAX_BYTES) {
      throw fault(file, "has more than " + MAX_BYTES + " bytes", null);
    }
    if (!real.getFileSystem().supportedFileAttributeViews().contains("unix")) {
      return real;
    }
    if ((mode(real) & WRITABLE_BY_OTHERS) != 0) {
      throw fault(file, "can be written to by everyone, so it is not read: chmod o-w it", null);
    }
    Path folder = real.getParent();
    int mode = folder == null ? 0 : mode(folder);
    // Where a sticky bit is set, others can't replace the file.
    if ((mode & WRITABLE_BY_OTHERS) != 0 && (mode & STICKY) == 0) {
      throw fault(
          file, "can be replaced by everyone, so it is not read: chmod o-w its folder", null);
    }
    return real;
  }

  private static int mode(Path path) throws IOException {
    return (Integer) Files.getAttribute(path, "unix:mode");
  }

  private static IllegalArgumentException fault(Path file, String what, @Nullable Exception cause) {
    return new IllegalArgumentException(
        "Import policy file '" + Printable.of(file.toString()) + "' " + what, cause);
  }
}
