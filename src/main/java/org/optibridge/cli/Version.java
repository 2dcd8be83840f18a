package org.optibridge.cli;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.IVersionProvider;

/** The version: the jar's manifest knows it, in a checkout the pom. */
final class Version implements IVersionProvider {
  private static final Pattern POM =
      Pattern.compile("<artifactId>optibridge</artifactId>\\s*<version>([^<]+)</version>");

  @Override
  public String[] getVersion() {
    return new String[] {"optibridge " + text()};
  }

  static String text() {
    String version = Version.class.getPackage().getImplementationVersion();
    return version != null ? version : fromCheckout();
  }

  private static String fromCheckout() {
    try {
      CodeSource source = Version.class.getProtectionDomain().getCodeSource();
      if (source != null && source.getLocation() != null) {
        Path pom = Path.of(source.getLocation().toURI()).resolve("../../pom.xml").normalize();
        Matcher found = POM.matcher(Files.readString(pom));
        if (found.find()) {
          return found.group(1);
        }
      }
    } catch (IOException | URISyntaxException | IllegalArgumentException e) {
      return "(unknown)";
    }
    return "(unknown)";
  }
}
