package org.optibridge.trust;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import org.junit.jupiter.api.Test;

/** Which paths a rule allows, wherever links and dots lead. */
class FilePathTest extends FileFixture {
  @Test
  void aDigestAllowsItsBytesWhereverTheyLie() throws IOException {
    ImportPolicy.Builder policy = policy().allowSha256(Bytes.sha256(GOOD).toUpperCase(Locale.ROOT));
    Path other = Files.copy(good, elsewhere.resolve("renamed.so"));
    try (VerifiedFile file = open(policy, other)) {
      holds(file, GOOD);
    }
    refuses(policy, evil);
  }

  @Test
  void aFolderAllowsWhatLiesBelow() throws IOException {
    ImportPolicy.Builder policy = policy().allowPath(trusted);
    open(policy, good).close();
    Path deep = Files.createDirectories(trusted.resolve("a/b")).resolve("good.pt2");
    Files.copy(good, deep);
    open(policy, deep).close();
    refuses(policy, evil);
    Path similar = Files.createDirectory(root.resolve("trusted-not"));
    refuses(policy, Files.copy(evil, similar.resolve("evil.pt2")));
  }

  @Test
  void aFileAllowsItselfAlone() throws IOException {
    ImportPolicy.Builder policy = policy().allowPath(good);
    open(policy, good).close();
    refuses(policy, Files.copy(evil, trusted.resolve(good.getFileName() + ".so")));
  }

  @Test
  void dotsAreResolved() throws IOException {
    ImportPolicy.Builder policy = policy().allowPath(trusted);
    refuses(policy, trusted.resolve("../elsewhere/" + evil.getFileName()));
    refuses(policy, trusted.resolve("./../trusted/../elsewhere/" + evil.getFileName()));
    open(policy, elsewhere.resolve("../trusted/" + good.getFileName())).close();
  }

  @Test
  void linksOutOfAnAllowedFolder() throws IOException {
    ImportPolicy.Builder policy = policy().allowPath(trusted);
    refuses(policy, Files.createSymbolicLink(trusted.resolve("link.pt2"), evil));
    Path folder = Files.createSymbolicLink(trusted.resolve("folder"), elsewhere);
    refuses(policy, folder.resolve(evil.getFileName()));
    // A folder behind a link: ".." leads to where the folder really is.
    assertThatThrownBy(() -> open(policy, folder.resolve("../" + good.getFileName())))
        .hasMessageContaining("does not exist");
    assertThat(asked).allSatisfy(one -> assertThat(one.bytes().source()).isEqualTo(evil));
  }

  @Test
  void linksIntoAnAllowedFolder() throws IOException {
    ImportPolicy.Builder policy = policy().allowPath(trusted);
    Path link = Files.createSymbolicLink(elsewhere.resolve("link.pt2"), good);
    try (VerifiedFile file = open(policy, link)) {
      holds(file, GOOD);
      assertThat(file.bytes().source()).isEqualTo(good);
    }
  }

  @Test
  void aRuleMeansWhereItsLinkLedWhenItWasMade() throws IOException {
    Path link = Files.createSymbolicLink(root.resolve("link"), trusted);
    ImportPolicy.Builder policy = policy().allowPath(link);
    Files.delete(link);
    Files.createSymbolicLink(link, elsewhere);
    open(policy, good).close();
    refuses(policy, link.resolve(evil.getFileName()));
  }
}
