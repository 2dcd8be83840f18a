package org.optibridge.trust;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Locale;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.optibridge.trust.ImportValidator.Answer;

class PolicyFileTest {
  private static final String A = "A".repeat(64);

  @TempDir Path folder;

  private Path file;

  @BeforeEach
  void name() {
    file = folder.resolve("imports.policy");
  }

  private void write(String text) throws IOException {
    Files.writeString(file, text, StandardCharsets.UTF_8);
  }

  private void refuses(String message) {
    assertThatThrownBy(() -> ImportPolicy.read(file))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("Import policy file '" + file + "' ")
        .hasMessageContaining(message);
  }

  @Test
  void roundTrip() throws IOException {
    Path library = Files.writeString(folder.resolve("x.so"), "x");
    write(
        "# what we trust\n\n  class=com.example.A\r\npackage = com.example\npackage-tree = org.x\n"
            + "path = "
            + library
            + "\nsha256 = "
            + A);
    Set<AllowRule> rules = ImportPolicy.read(file).rules();
    assertThat(rules)
        .containsExactlyInAnyOrder(
            AllowRule.parse("class:com.example.A"),
            AllowRule.parse("package:com.example"),
            AllowRule.parse("package-tree:org.x"),
            AllowRule.parse("path:" + library),
            AllowRule.parse("sha256:" + A));
    write(String.join("\n", rules.stream().map(AllowRule::line).toList()));
    assertThat(ImportPolicy.read(file).rules()).isEqualTo(rules);
  }

  @Test
  void anEmptyFileAllowsNothing() throws IOException {
    write("");
    assertThat(ImportPolicy.read(file).rules()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "allow = x|line 2: Unknown key 'allow' of an import rule; known: [class, package,",
        "Class = com.example.A|line 2: Unknown key 'Class'",
        "validate = false|line 2: validation can be turned off in code only",
        "class com.example.A|line 2: expected 'key = value'",
        "class =|line 2: Import rule class ''",
        "class = torch.optim.Adam|can't be allowed",
        "class = com.example.A # mine|can't be allowed",
        "path = lib/x.so|line 2: a path must be absolute",
        "path = /does/not/exist|line 2: Import rule path '/does/not/exist' names nothing",
        "sha256 = 12|has not 64 hex digits"
      })
  void whatItCantHold(String line, String message) throws IOException {
    write("class = com.example.A\n" + line + "\n");
    refuses(message);
  }

  @Test
  void notAText() throws IOException {
    Files.write(file, new byte[] {'c', (byte) 0xff, (byte) 0xfe});
    refuses("is not UTF-8 text");
  }

  @Test
  void notThereOrAFolder() throws IOException {
    refuses("does not exist");
    Files.createDirectory(file);
    refuses("is not a file");
  }

  @Test
  void tooLarge() throws IOException {
    write("#".repeat((1 << 20) + 1));
    refuses("has more than 1048576 bytes");
  }

  @Test
  void writableByEveryone() throws IOException {
    write("class = com.example.A\n");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--rw-"));
    refuses("can be written to by everyone, so it is not read: chmod o-w it");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
    assertThat(ImportPolicy.read(file).rules()).hasSize(1);
  }

  @Test
  void aLinkToAFileWritableByEveryone() throws IOException {
    Path real = Files.writeString(folder.resolve("real"), "class = com.example.A\n");
    Files.createSymbolicLink(file, real);
    assertThat(ImportPolicy.read(file).rules()).hasSize(1);
    Files.setPosixFilePermissions(real, PosixFilePermissions.fromString("rw-rw-rw-"));
    refuses("can be written to by everyone");
  }

  @Test
  void inAFolderWritableByEveryone() throws IOException {
    write("class = com.example.A\n");
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxrwxrwx"));
    refuses("can be replaced by everyone");
    // As /tmp has it: others can't replace what is mine.
    Files.setAttribute(folder, "unix:mode", 01777);
    assertThat(ImportPolicy.read(file).rules()).hasSize(1);
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
  }

  @Test
  void alwaysIsAddedToTheFile() throws IOException {
    write("# mine\nclass = com.example.A");
    TrustedImports first =
        new TrustedImports(
            ImportPolicy.builder()
                .file(file)
                .saveAnswers(file)
                .validator((request, question) -> Answer.ALWAYS)
                .build());
    assertThat(first.decide(ImportRequest.ofClass("com.example.B", Origin.CONFIG)).allowed())
        .isTrue();
    CheckedBytes bytes = new CheckedBytes(Path.of("/opt/x.so"), A.toLowerCase(Locale.ROOT), 1);
    assertThat(
            first
                .decide(new ImportRequest(ImportKind.LIBRARY, "x", bytes, null, Origin.CODE))
                .allowed())
        .isTrue();
    assertThat(file)
        .hasContent(
            "# mine\nclass = com.example.A\nclass = com.example.B\nsha256 = "
                + A.toLowerCase(Locale.ROOT)
                + "\n");
    assertThat(ImportPolicy.read(file).rules()).hasSize(3);
  }

  @Test
  void answersAreNotAddedToAFileThatOthersCanWrite() throws IOException {
    write("");
    TrustedImports imports =
        new TrustedImports(
            ImportPolicy.builder()
                .saveAnswers(file)
                .validator((request, question) -> Answer.ALWAYS)
                .build());
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-rw-rw-"));
    assertThat(imports.decide(ImportRequest.ofClass("a.B", Origin.CONFIG)).allowed()).isTrue();
    assertThat(file).isEmptyFile();
  }
}
