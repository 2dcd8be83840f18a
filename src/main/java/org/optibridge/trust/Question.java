package org.optibridge.trust;

import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.nio.file.Path;
import java.security.MessageDigest;
import org.jspecify.annotations.Nullable;

/** What people are told about a request. */
final class Question {
  private static final int MAX_CLASS_BYTES = 1 << 24;

  private Question() {}

  /** For whoever decides; each line free of control characters. */
  static String about(ImportRequest request, @Nullable Path answers) {
    CheckedBytes bytes = request.bytes();
    StringBuilder text = new StringBuilder("Code that is not part of optibridge would be loaded.");
    line(text, request.kind().toString(), request.name());
    if (bytes != null) {
      line(text, "from", bytes.source().toString());
      line(text, "sha256", bytes.sha256() + " (" + bytes.size() + " bytes)");
    } else {
      String place = request.location();
      line(text, "from", place == null ? "not found on the class path" : place);
    }
    line(text, "asked for by", request.origin().toString());
    line(
        text,
        "\"always\" holds",
        (answers == null ? "until this process ends" : "from now on, noted in " + answers)
            + (bytes == null ? ", for this class" : ", for this digest"));
    return text.toString();
  }

  private static void line(StringBuilder text, String key, String value) {
    text.append(System.lineSeparator())
        .append("  ")
        .append(key)
        .append(": ")
        .append(Printable.of(value));
  }

  /** Where a loader would take a class from, and the digest there; null if it does not say. */
  static @Nullable String source(String name, ClassLoader loader) {
    URL place = loader.getResource(name.replace('.', '/') + ".class");
    if (place == null) {
      return null;
    }
    MessageDigest digest = Digests.sha256();
    try (InputStream in = place.openStream()) {
      digest.update(in.readNBytes(MAX_CLASS_BYTES));
      return place + ", sha256 " + Digests.hex(digest);
    } catch (IOException e) {
      return place + ", which can't be read";
    }
  }

  /** For whoever asked: what was refused, why, and what would allow it. */
  static String refusal(ImportRequest request, Decision decision) {
    String text =
        "The import policy refused "
            + request.describe()
            + ": "
            + decision.reason()
            + "; nothing was loaded";
    if (request.kind() == ImportKind.CLASS && ClassNames.fault(request.name()) != null) {
      return text;
    }
    AllowRule rule = AllowRule.narrowest(request);
    if (request.origin() == Origin.COMMAND_LINE) {
      return text
          + ". To allow it: --allow-import "
          + rule
          + ", or the line \""
          + rule.line()
          + "\" in the file of --import-policy";
    }
    String call = rule.kind() == AllowRule.Kind.CLASS ? "allowClass" : "allowSha256";
    return text
        + ". To allow it: TrustedImports.setStandard(new TrustedImports(ImportPolicy.builder()."
        + call
        + "(\""
        + rule.value()
        + "\").build())), or the line \""
        + rule.line()
        + "\" in a file for ImportPolicy.read";
  }
}
