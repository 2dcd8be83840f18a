package org.optibridge.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class IdxReaderTest {
  private static final String TRAIN_IMAGES = "train-images-idx3-ubyte";
  private static final String TRAIN_LABELS = "train-labels-idx1-ubyte";
  private static final String TEST_IMAGES = "t10k-images-idx3-ubyte";
  private static final String TEST_LABELS = "t10k-labels-idx1-ubyte";

  @TempDir Path folder;

  @BeforeEach
  void goodFiles() throws IOException {
    write(TRAIN_IMAGES, images(3, 2, 2, 12));
    write(TRAIN_LABELS, labels(3, 0, 4, 2));
    write(TEST_IMAGES, images(1, 2, 2, 4));
    write(TEST_LABELS, labels(1, 3));
  }

  @Test
  void readsPlainFiles() {
    Dataset data = IdxReader.load(folder);
    assertThat(data.rows()).isEqualTo(2);
    assertThat(data.columns()).isEqualTo(2);
    assertThat(data.classes()).isEqualTo(5);
    assertThat(data.train().labels()).containsExactly(0, 4, 2);
    assertThat(data.train().images()).hasSize(12).contains(1f, 0f);
    assertThat(data.test().size()).isEqualTo(1);
  }

  @Test
  void readsGzippedFiles() throws IOException {
    for (String name : new String[] {TRAIN_IMAGES, TEST_LABELS}) {
      ByteArrayOutputStream zipped = new ByteArrayOutputStream();
      try (OutputStream gzip = new GZIPOutputStream(zipped)) {
        gzip.write(Files.readAllBytes(folder.resolve(name)));
      }
      Files.delete(folder.resolve(name));
      write(name + ".gz", zipped.toByteArray());
    }
    assertThat(IdxReader.load(folder).train().labels()).containsExactly(0, 4, 2);
  }

  @Test
  void missingFolderAndFile() throws IOException {
    fails(folder.resolve("none"), "is not a folder");
    Files.delete(folder.resolve(TEST_LABELS));
    fails(folder, "holds no t10k-labels-idx1-ubyte");
  }

  @Test
  void badMagic() throws IOException {
    write(TRAIN_IMAGES, labels(3, 0, 4, 2));
    fails(folder, "starts with 0x00000801, not 0x00000803");
  }

  @Test
  void truncatedBody() throws IOException {
    write(TRAIN_IMAGES, images(3, 2, 2, 11));
    fails(folder, "declares 12 bytes of data but holds 11");
  }

  @Test
  void truncatedHeader() throws IOException {
    write(TRAIN_IMAGES, Arrays.copyOf(images(3, 2, 2, 12), 9));
    fails(folder, "it is truncated");
  }

  @Test
  void truncatedGzip() throws IOException {
    Files.delete(folder.resolve(TRAIN_IMAGES));
    write(TRAIN_IMAGES + ".gz", new byte[] {0x1f, (byte) 0x8b, 8});
    fails(folder, "it is truncated");
  }

  @Test
  void tooMuchData() throws IOException {
    write(TRAIN_LABELS, labels(3, 0, 4, 2, 1));
    fails(folder, "more than the 3 bytes");
  }

  @Test
  void hugeClaimsTakeNoMemory() throws IOException {
    write(TRAIN_IMAGES, images(Integer.MAX_VALUE, 4096, 4096, 12));
    fails(folder, "too many");
    write(TRAIN_IMAGES, images(500_000_000, 1, 1, 12));
    fails(folder, "declares 500000000 bytes of data but holds 12");
    write(TRAIN_IMAGES, images(-1, 2, 2, 12));
    fails(folder, "which can't be");
    write(TRAIN_IMAGES, images(3, 1 << 30, 4, 12));
    fails(folder, "which can't be");
  }

  @Test
  void countsAndShapesMustAgree() throws IOException {
    write(TEST_LABELS, labels(2, 3, 3));
    fails(folder, "declares 2 labels");
    write(TEST_LABELS, labels(1, 3));
    write(TEST_IMAGES, images(1, 3, 3, 9));
    fails(folder, "images of 2 x 2");
  }

  private static void fails(Path folder, String message) {
    assertThatThrownBy(() -> IdxReader.load(folder))
        .isInstanceOf(CliException.class)
        .hasMessageContaining(message);
  }

  private void write(String name, byte[] bytes) throws IOException {
    Files.write(folder.resolve(name), bytes);
  }

  private static byte[] images(int count, int rows, int columns, int pixels) {
    ByteBuffer bytes = ByteBuffer.allocate(16 + pixels);
    bytes.putInt(0x803).putInt(count).putInt(rows).putInt(columns);
    for (int i = 0; i < pixels; i++) {
      bytes.put((byte) (i % 2 == 0 ? 255 : 0));
    }
    return bytes.array();
  }

  private static byte[] labels(int count, int... labels) {
    ByteBuffer bytes = ByteBuffer.allocate(8 + labels.length);
    bytes.putInt(0x801).putInt(count);
    for (int label : labels) {
      bytes.put((byte) label);
    }
    return bytes.array();
  }
}
