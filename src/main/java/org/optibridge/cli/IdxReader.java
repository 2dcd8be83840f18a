package org.optibridge.cli;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.zip.GZIPInputStream;

/** Reads a folder of MNIST's four IDX files, gzipped or not. */
final class IdxReader {
  private static final int IMAGES_MAGIC = 0x803;
  private static final int LABELS_MAGIC = 0x801;
  private static final int MAX_SIDE = 4096;
  private static final float MAX_PIXEL = 255;

  private IdxReader() {}

  /** Reads {@code train-images-idx3-ubyte} and its like from {@code folder}. */
  static Dataset load(Path folder) {
    if (!Files.isDirectory(folder)) {
      throw new CliException("--data " + folder + " is not a folder");
    }
    Images train = images(find(folder, "train-images", "idx3-ubyte"));
    long[] trainLabels = labels(find(folder, "train-labels", "idx1-ubyte"), train);
    Images test = images(find(folder, "t10k-images", "idx3-ubyte"));
    long[] testLabels = labels(find(folder, "t10k-labels", "idx1-ubyte"), test);
    if (train.rows != test.rows || train.columns != test.columns) {
      throw new CliException(
          String.format(
              Locale.ROOT,
              "%s holds images of %d x %d but %s of %d x %d",
              train.file,
              train.rows,
              train.columns,
              test.file,
              test.rows,
              test.columns));
    }
    int classes = 1;
    for (long[] labels : new long[][] {trainLabels, testLabels}) {
      for (long label : labels) {
        classes = Math.max(classes, (int) label + 1);
      }
    }
    return new Dataset(
        String.valueOf(folder.toAbsolutePath().normalize().getFileName()),
        train.rows,
        train.columns,
        classes,
        new Dataset.Part(train.pixels, trainLabels),
        new Dataset.Part(test.pixels, testLabels));
  }

  @SuppressWarnings("ArrayRecordComponent") // compared by nobody
  private record Images(Path file, int count, int rows, int columns, float[] pixels) {}

  private static Path find(Path folder, String stem, String kind) {
    for (String separator : new String[] {"-", "."}) {
      for (String suffix : new String[] {"", ".gz"}) {
        Path file = folder.resolve(stem + separator + kind + suffix);
        if (Files.isRegularFile(file)) {
          return file;
        }
      }
    }
    throw new CliException(folder + " holds no " + stem + "-" + kind + " (nor one with .gz)");
  }

  private static Images images(Path file) {
    try (DataInputStream in = open(file)) {
      checkMagic(file, in.readInt(), IMAGES_MAGIC, "images");
      int count = in.readInt();
      int rows = in.readInt();
      int columns = in.readInt();
      if (count < 1 || rows < 1 || columns < 1 || rows > MAX_SIDE || columns > MAX_SIDE) {
        throw new CliException(
            String.format(
                Locale.ROOT,
                "%s declares %d images of %d x %d, which can't be",
                file,
                count,
                rows,
                columns));
      }
      long size = (long) count * rows * columns;
      byte[] bytes = body(file, in, size);
      float[] pixels = new float[bytes.length];
      for (int i = 0; i < bytes.length; i++) {
        pixels[i] = (bytes[i] & 0xff) / MAX_PIXEL;
      }
      return new Images(file, count, rows, columns, pixels);
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  private static long[] labels(Path file, Images images) {
    try (DataInputStream in = open(file)) {
      checkMagic(file, in.readInt(), LABELS_MAGIC, "labels");
      int count = in.readInt();
      if (count != images.count) {
        throw new CliException(
            String.format(
                Locale.ROOT,
                "%s declares %d labels but %s %d images",
                file,
                count,
                images.file,
                images.count));
      }
      byte[] bytes = body(file, in, count);
      long[] labels = new long[bytes.length];
      for (int i = 0; i < bytes.length; i++) {
        labels[i] = bytes[i] & 0xff;
      }
      return labels;
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  private static DataInputStream open(Path file) throws IOException {
    InputStream raw = Files.newInputStream(file);
    try {
      boolean zipped = file.toString().endsWith(".gz");
      return new DataInputStream(
          new BufferedInputStream(zipped ? new GZIPInputStream(raw) : raw, 1 << 16));
    } catch (IOException e) {
      raw.close();
      throw e;
    }
  }

  private static void checkMagic(Path file, int magic, int wanted, String kind) {
    if (magic != wanted) {
      throw new CliException(
          String.format(
              Locale.ROOT,
              "%s is no IDX file of %s: it starts with 0x%08x, not 0x%08x",
              file,
              kind,
              magic,
              wanted));
    }
  }

  /** What is declared is what must follow; memory is taken for what is there, not for claims. */
  private static byte[] body(Path file, DataInputStream in, long size) throws IOException {
    if (size > Integer.MAX_VALUE / Float.BYTES) {
      throw new CliException(file + " declares " + size + " pixels: too many for this command");
    }
    byte[] bytes = in.readNBytes((int) size);
    if (bytes.length < size) {
      throw new CliException(
          String.format(
              Locale.ROOT,
              "%s is truncated: it declares %d bytes of data but holds %d",
              file,
              size,
              bytes.length));
    }
    if (in.read() >= 0) {
      throw new CliException(
          String.format(
              Locale.ROOT, "%s holds more than the %d bytes of data that it declares", file, size));
    }
    return bytes;
  }

  private static CliException unreadable(Path file, IOException e) {
    String reason = e instanceof EOFException ? "it is truncated" : String.valueOf(e.getMessage());
    return new CliException("can't read " + file + ": " + reason, e);
  }
}
