package org.optibridge.trust;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.optibridge.trust.ImportValidator.Answer;

/** A trusted folder with a good file, another one with an evil file. */
abstract class FileFixture {
  static final byte[] GOOD = "good bytes".getBytes(StandardCharsets.UTF_8);
  static final byte[] EVIL = "evil bytes".getBytes(StandardCharsets.UTF_8);

  @TempDir Path root;

  Path trusted;
  Path elsewhere;
  Path good;
  Path evil;
  final List<ImportRequest> asked = new ArrayList<>();

  @BeforeEach
  void files() throws IOException {
    root = root.toRealPath();
    trusted = Files.createDirectory(root.resolve("trusted"));
    elsewhere = Files.createDirectory(root.resolve("elsewhere"));
    good = Files.write(trusted.resolve("good-" + UUID.randomUUID() + ".pt2"), GOOD);
    evil = Files.write(elsewhere.resolve("evil-" + UUID.randomUUID() + ".pt2"), EVIL);
  }

  /** Copies keep the name of their file, which no other test and no other process uses. */
  @AfterEach
  void noCopyIsLeft() throws IOException {
    try (Stream<Path> folders = Files.list(Path.of(System.getProperty("java.io.tmpdir")))) {
      assertThat(folders)
          .noneMatch(
              folder ->
                  Files.exists(folder.resolve(good.getFileName()))
                      || Files.exists(folder.resolve(evil.getFileName())));
    }
  }

  ImportPolicy.Builder policy() {
    return ImportPolicy.builder()
        .validator(
            (request, question) -> {
              asked.add(request);
              return Answer.NO;
            });
  }

  static VerifiedFile open(ImportPolicy.Builder policy, Path file) {
    return open(policy, file.toString());
  }

  static VerifiedFile open(ImportPolicy.Builder policy, String file) {
    return new TrustedImports(policy.build()).open(ImportKind.PROGRAM, file, Origin.CONFIG);
  }

  void refuses(ImportPolicy.Builder policy, Path file) {
    assertThatThrownBy(() -> open(policy, file))
        .isInstanceOf(ImportRefusedException.class)
        .hasMessageContaining("refused exported program '" + file)
        .hasMessageContaining("nothing was loaded")
        .hasMessageContaining("To allow it: ");
  }

  static void holds(VerifiedFile file, byte[] bytes) throws IOException {
    assertThat(Files.readAllBytes(file.path())).isEqualTo(bytes);
    assertThat(file.bytes().sha256()).isEqualTo(Bytes.sha256(bytes));
    assertThat(file.bytes().size()).isEqualTo(bytes.length);
  }
}
