package org.optibridge.torch;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.jspecify.annotations.Nullable;

/**
 * A file that torch exported, seen as the ZIP archive that it is. Before anything else is done with
 * it, it is checked that all entries are plain files of a bounded size.
 */
final class ProgramArchive implements AutoCloseable {
  private static final int MAX_ENTRIES = 4096;
  private static final int MAX_NAME = 512;
  private static final int MAX_METADATA = 1 << 16;
  private static final long MAX_INFLATED = 1 << 26;

  private final ZipFile zip;
  private final String root;

  private ProgramArchive(ZipFile zip) {
    this.zip = zip;
    this.root = root(zip);
  }

  static ProgramArchive open(Path file) throws IOException {
    ZipFile zip = new ZipFile(file.toFile());
    try {
      return new ProgramArchive(zip);
    } catch (RuntimeException | Error e) {
      zip.close();
      throw e;
    }
  }

  /** The one folder that everything lies in. */
  private static String root(ZipFile zip) {
    String root = null;
    long inflated = 0;
    Set<String> seen = new HashSet<>();
    if (zip.size() > MAX_ENTRIES) {
      throw fault("has " + zip.size() + " entries, more than " + MAX_ENTRIES);
    }
    for (ZipEntry entry : Collections.list(zip.entries())) {
      String name = entry.getName();
      int slash = name.indexOf('/');
      boolean plain =
          slash > 0
              && name.length() <= MAX_NAME
              && name.chars().allMatch(c -> c > ' ' && c < 127 && c != '\\' && c != ':')
              && !name.contains("//")
              && !List.of(name.split("/", -1)).contains("..");
      if (!plain || !seen.add(name)) {
        throw fault("has an entry that torch would not make, or one twice");
      }
      // Torch compresses sources and stores all else.
      if (entry.getMethod() != ZipEntry.STORED) {
        inflated += Math.max(0, entry.getSize());
      }
      if (inflated > MAX_INFLATED || entry.getSize() < 0) {
        throw fault("would unpack to more than " + MAX_INFLATED + " bytes");
      }
      String first = name.substring(0, slash);
      if (root == null) {
        root = first;
      } else if (!root.equals(first)) {
        throw fault("has more than one folder at its top");
      }
    }
    if (root == null) {
      throw fault("is empty");
    }
    return root + "/";
  }

  /** The text of {@code extra/optibridge.json}. */
  String metadata() throws IOException {
    ZipEntry entry = zip.getEntry(root + "extra/optibridge.json");
    if (entry == null) {
      throw fault(
          "has no extra/optibridge.json, which says what its program computes; export_optimizer.py"
              + " of optibridge writes it");
    }
    if (entry.getSize() > MAX_METADATA) {
      throw fault("has an optibridge.json of more than " + MAX_METADATA + " bytes");
    }
    try (InputStream in = zip.getInputStream(entry)) {
      return new String(in.readNBytes(MAX_METADATA), StandardCharsets.UTF_8);
    }
  }

  /** Copies the library of a compiled model to a file; null if there is no such model. */
  @Nullable Path extract(String model, Path folder) throws IOException {
    String prefix = root + "data/aotinductor/" + model + "/";
    List<ZipEntry> libraries = new ArrayList<>();
    for (ZipEntry entry : Collections.list(zip.entries())) {
      if (entry.getName().startsWith(prefix) && entry.getName().endsWith(".so")) {
        libraries.add(entry);
      }
    }
    if (libraries.isEmpty()) {
      return null;
    }
    if (libraries.size() > 1) {
      throw fault("has " + libraries.size() + " libraries for " + model);
    }
    Path file = folder.resolve(model + ".so");
    try (InputStream in = zip.getInputStream(libraries.get(0))) {
      Files.copy(in, file);
    }
    return file;
  }

  static IllegalArgumentException fault(String text) {
    return new IllegalArgumentException("the archive " + text);
  }

  @Override
  public void close() throws IOException {
    zip.close();
  }
}
