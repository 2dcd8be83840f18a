package org.optibridge.trust;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.util.Set;
import java.util.regex.Pattern;

/** A copy of a file in a folder of its own that nobody but its owner can enter. */
final class PrivateCopy implements AutoCloseable {
  private static final boolean POSIX =
      FileSystems.getDefault().supportedFileAttributeViews().contains("posix");
  private static final int CHUNK = 1 << 16;
  private static final Pattern PLAIN = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]{0,127}");

  private final Path folder;
  private final Path file;
  private final String sha256;
  private final long size;

  private PrivateCopy(Path folder, Path file, long maxBytes, Path source) throws IOException {
    this.folder = folder;
    this.file = file;
    MessageDigest digest = Digests.sha256();
    try (ReadableByteChannel in =
            Files.newByteChannel(
                source, Set.of(StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS));
        WritableByteChannel out =
            Files.newByteChannel(
                file,
                Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
                only("rw-------"))) {
      this.size = copy(in, out, digest, maxBytes);
    }
    this.sha256 = Digests.hex(digest);
    if (POSIX) {
      Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("r--------"));
    }
  }

  /**
   * Copies a file and forms the digest of the bytes on their way.
   *
   * @param source a real path
   * @throws TooLargeException if it has more bytes than that, however many it had when looked at
   */
  static PrivateCopy of(Path source, long maxBytes) throws IOException {
    Path folder = Files.createTempDirectory("optibridge-", only("rwx------"));
    // The loader may want to see the ending; nothing else of the name is needed.
    String name = String.valueOf(source.getFileName());
    Path file = folder.resolve(PLAIN.matcher(name).matches() ? name : "import");
    try {
      return new PrivateCopy(folder, file, maxBytes, source);
    } catch (IOException | RuntimeException | Error e) {
      delete(file, folder);
      throw e;
    }
  }

  private static long copy(
      ReadableByteChannel in, WritableByteChannel out, MessageDigest digest, long maxBytes)
      throws IOException {
    ByteBuffer chunk = ByteBuffer.allocate(CHUNK);
    long size = 0;
    while (in.read(chunk) >= 0) {
      chunk.flip();
      size += chunk.remaining();
      if (size > maxBytes) {
        throw new TooLargeException();
      }
      digest.update(chunk.duplicate());
      while (chunk.hasRemaining()) {
        out.write(chunk);
      }
      chunk.clear();
    }
    return size;
  }

  /** More bytes than may be. */
  static final class TooLargeException extends IOException {
    private static final long serialVersionUID = 1L;
  }

  /** Permissions to create with, where the system has them. */
  private static FileAttribute<?>[] only(String permissions) {
    return POSIX
        ? new FileAttribute<?>[] {
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(permissions))
        }
        : new FileAttribute<?>[0];
  }

  Path file() {
    return file;
  }

  String sha256() {
    return sha256;
  }

  long size() {
    return size;
  }

  @Override
  public void close() {
    delete(file, folder);
  }

  private static void delete(Path file, Path folder) {
    try {
      Files.deleteIfExists(file);
      Files.deleteIfExists(folder);
    } catch (IOException e) {
      // Left to those who clean temporary folders: only its owner can read it.
      TrustedImports.LOGGER.log(System.Logger.Level.WARNING, "Can't delete " + file, e);
    }
  }
}
