package org.optibridge.trust;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.optibridge.trust.ImportValidator.Answer;

/** Files: what is checked is what is used. */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
class FileImportTest extends FileFixture {
  @Test
  void theCopyIsPrivateAndGoesWithClose() throws IOException {
    VerifiedFile file = open(policy().allowSha256(Bytes.sha256(GOOD)), good);
    holds(file, GOOD);
    assertThat(file.bytes().source()).isEqualTo(good);
    assertThat(file.path()).isNotEqualTo(good).hasFileName(good.getFileName().toString());
    assertThat(Files.getPosixFilePermissions(file.path()))
        .isEqualTo(PosixFilePermissions.fromString("r--------"));
    assertThat(Files.getPosixFilePermissions(file.path().getParent()))
        .isEqualTo(PosixFilePermissions.fromString("rwx------"));
    file.close();
    file.close();
    assertThat(file.path().getParent()).doesNotExist();
  }

  @Test
  void refusedByDefault() {
    refuses(policy(), good);
    assertThat(asked).hasSize(1);
    ImportRequest request = asked.get(0);
    assertThat(request.name()).isEqualTo(good.toString());
    assertThat(request.bytes()).isEqualTo(new CheckedBytes(good, Bytes.sha256(GOOD), GOOD.length));
    assertThat(request.origin()).isEqualTo(Origin.CONFIG);
  }

  @Test
  void aFileSwappedBetweenCheckAndLoad() throws IOException {
    ImportPolicy.Builder policy =
        ImportPolicy.builder()
            .validator(
                (request, question) -> {
                  try {
                    Files.move(evil, good, StandardCopyOption.REPLACE_EXISTING);
                  } catch (IOException e) {
                    throw new UncheckedIOException(e);
                  }
                  return Answer.YES;
                });
    try (VerifiedFile file = open(policy, good)) {
      assertThat(Files.readAllBytes(good)).isEqualTo(EVIL);
      holds(file, GOOD);
    }
  }

  @Test
  void aFileRewrittenAfterTheCheck() throws IOException {
    try (VerifiedFile file = open(policy().allowSha256(Bytes.sha256(GOOD)), good)) {
      Files.write(good, EVIL);
      holds(file, GOOD);
    }
    refuses(policy().allowSha256(Bytes.sha256(GOOD)), good);
  }

  @Test
  void aFileThatKeepsChanging() throws Exception {
    // Whatever mixture is read, the digest decided on is that of the bytes handed out.
    byte[] large = new byte[1 << 20];
    Files.write(good, large);
    Thread writer =
        new Thread(
            () -> {
              try (RandomAccessFile file = new RandomAccessFile(good.toFile(), "rw")) {
                for (int i = 0; !Thread.interrupted(); i++) {
                  file.seek(i * 4099L % large.length);
                  file.write(i);
                }
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            },
            "writer");
    writer.start();
    try {
      for (int i = 0; i < 20; i++) {
        try (VerifiedFile file = open(policy().allowPath(good), good)) {
          assertThat(Bytes.sha256(Files.readAllBytes(file.path())))
              .isEqualTo(file.bytes().sha256());
        }
      }
    } finally {
      writer.interrupt();
      writer.join();
    }
  }

  @Test
  void sizeIsBounded() throws IOException {
    ImportPolicy.Builder policy = policy().allowPath(root).maxBytes(GOOD.length);
    open(policy, good).close();
    Files.write(evil, new byte[GOOD.length + 1]);
    assertThatThrownBy(() -> open(policy, evil))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("is larger than the import policy's limit of 10 bytes");
    try (RandomAccessFile huge = new RandomAccessFile(evil.toFile(), "rw")) {
      huge.setLength(1L << 42);
    }
    assertThatThrownBy(() -> open(policy().allowPath(root), evil))
        .hasMessageContaining("limit of 1073741824 bytes");
  }

  @Test
  void aFileThatGrowsAfterItWasLookedAt() {
    assertThatThrownBy(() -> PrivateCopy.of(good, GOOD.length - 1))
        .isInstanceOf(PrivateCopy.TooLargeException.class);
  }

  @Test
  void missingEmptyAndFolders() throws IOException {
    ImportPolicy.Builder policy = policy().allowPath(root);
    String start = "The exported program '";
    assertThatThrownBy(() -> open(policy, root.resolve("none")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(start + root.resolve("none") + "' does not exist");
    assertThatThrownBy(() -> open(policy, "a\u0000b")).hasMessageContaining("does not exist");
    assertThatThrownBy(() -> open(policy, "")).hasMessageContaining("is a folder");
    assertThatThrownBy(() -> open(policy, trusted)).hasMessageContaining("is a folder");
    Files.write(evil, new byte[0]);
    assertThatThrownBy(() -> open(policy, evil)).hasMessageContaining("is empty");
    Path loop = root.resolve("loop");
    Files.createSymbolicLink(loop, loop);
    assertThatThrownBy(() -> open(policy, loop)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(
            () -> new TrustedImports(policy.build()).open(ImportKind.CLASS, "a.B", Origin.CODE))
        .hasMessageContaining("use load");
    assertThat(asked).isEmpty();
  }

  @Test
  void unreadable() throws IOException {
    Files.setPosixFilePermissions(good, PosixFilePermissions.fromString("---------"));
    assumeFalse(Files.isReadable(good), "root reads everything");
    assertThatThrownBy(() -> open(policy().allowPath(root), good))
        .hasMessageContaining("permission denied");
  }

  @ParameterizedTest
  @ValueSource(strings = {"/dev/zero", "/dev/null", "/dev/urandom"})
  void devicesAreNotOpened(String device) {
    assumeTrue(Files.exists(Path.of(device)), device);
    assertThatThrownBy(() -> open(policy().validate(false), device))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("is no regular file");
  }

  @Test
  void aPipeIsNotOpened() throws Exception {
    Path pipe = root.resolve("pipe");
    assumeTrue(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor() == 0, "no mkfifo");
    assertThatThrownBy(() -> open(policy().allowPath(root), pipe))
        .hasMessageContaining("is no regular file");
  }

  @Test
  void oddNamesOfFilesStayOutOfTheCopy() throws IOException {
    Path odd = Files.copy(good, trusted.resolve("-rf $(x)\n.so"));
    try (VerifiedFile file = open(policy().allowPath(trusted), odd)) {
      assertThat(file.path()).hasFileName("import");
      holds(file, GOOD);
    }
  }

  @Test
  void validationOffIsForCodeAlone() throws IOException {
    TrustedImports off = new TrustedImports(policy().validate(false).build());
    assertThatThrownBy(() -> off.open(ImportKind.PROGRAM, good.toString(), Origin.CONFIG))
        .isInstanceOf(ImportRefusedException.class);
    off.open(ImportKind.PROGRAM, good.toString(), Origin.CODE).close();
  }
}
