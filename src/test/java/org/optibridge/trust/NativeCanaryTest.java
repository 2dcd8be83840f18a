package org.optibridge.trust;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.optibridge.trust.ImportValidator.Answer;

/** Native libraries that leave a file behind as soon as they are loaded. */
class NativeCanaryTest {
  @TempDir Path root;

  private Path library;
  private Path trace;

  @BeforeEach
  void build() throws Exception {
    trace = root.resolve("trace");
    library = library("canary", trace);
  }

  private Path library(String name, Path leaves) throws Exception {
    Path source = root.resolve(name + ".cpp");
    Files.writeString(
        source,
        "#include <cstdio>\n__attribute__((constructor)) static void sing() {"
            + " if (FILE* f = std::fopen(\""
            + leaves
            + "\", \"w\")) { std::fputs(\"sung\", f); std::fclose(f); } }\n",
        StandardCharsets.UTF_8);
    Path built = root.resolve("lib" + name + ".so");
    int status;
    try {
      status =
          new ProcessBuilder("g++", "-shared", "-fPIC", "-o", built.toString(), source.toString())
              .inheritIO()
              .start()
              .waitFor();
    } catch (IOException e) {
      assumeTrue(false, "no g++: " + e.getMessage());
      throw e;
    }
    assertThat(status).isZero();
    return built;
  }

  /** As a plug-in's loader would do it. */
  private static void load(TrustedImports imports, Path library) {
    try (VerifiedFile file = imports.open(ImportKind.LIBRARY, library.toString(), Origin.CONFIG)) {
      System.load(file.path().toString());
    }
  }

  @Test
  void refusedMeansNotLoaded() {
    TrustedImports imports =
        new TrustedImports(ImportPolicy.builder().validator(new TerminalValidator(null)).build());
    assertThatThrownBy(() -> load(imports, library))
        .isInstanceOf(ImportRefusedException.class)
        .hasMessageContaining("refused native library");
    assertThat(trace).doesNotExist();
  }

  @Test
  void allowedSings() throws IOException {
    String digest = Bytes.sha256(Files.readAllBytes(library));
    load(new TrustedImports(ImportPolicy.builder().allowSha256(digest).build()), library);
    assertThat(trace).hasContent("sung");
  }

  @Test
  void swappedBetweenCheckAndLoad() throws Exception {
    Path evilTrace = root.resolve("evil-trace");
    Path evil = library("evil", evilTrace);
    ImportValidator swapping =
        (request, question) -> {
          try {
            Files.move(evil, library, StandardCopyOption.REPLACE_EXISTING);
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
          return Answer.YES;
        };
    load(new TrustedImports(ImportPolicy.builder().validator(swapping).build()), library);
    assertThat(trace).hasContent("sung");
    assertThat(evilTrace).doesNotExist();
  }
}
