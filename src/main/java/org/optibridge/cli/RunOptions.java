package org.optibridge.cli;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The flags of commands that train: where the images are and where the figures go. */
final class RunOptions {
  @Option(
      names = "--data",
      paramLabel = "DIR",
      description =
          "Folder of MNIST's four IDX files, .gz or not (default: the UCI digits that come along).")
  private @Nullable Path folder;

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "Write the figures as JSON; - is standard output, instead of the table.")
  private @Nullable Path json;

  @Option(names = "--no-progress", description = "Say nothing while training.")
  private boolean noProgress;

  /** Whether the images are those of {@link #data()}'s folder, not the digits. */
  boolean hasFolder() {
    return folder != null;
  }

  /** Reads the images. */
  Dataset data() {
    return folder == null ? Digits.load() : IdxReader.load(folder);
  }

  /** Where to write JSON; null for nowhere. */
  @Nullable Path json() {
    return json;
  }

  boolean progress() {
    return !noProgress;
  }
}
