package org.optibridge.torch;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.optibridge.memory.NativeStatus;

/** Opens exported programs. */
final class ProgramLoader {
  // As ob_torch.h numbers them.
  private static final int SCRIPT = 0;
  private static final int COMPILED = 1;
  private static final int ELEMENT_WISE = 1;
  private static final int IN_PLACE = 2;
  private static final int FLAT = 4;

  private ProgramLoader() {}

  /**
   * Opens a program, for good.
   *
   * @param file in a folder of its own, where a compiled program's libraries are put for a moment
   * @throws IllegalArgumentException if it is none, does not keep the contract, or was compiled for
   *     another processor
   */
  static ImportedOptimizer open(Path file, boolean compiled) {
    try (ProgramArchive archive = ProgramArchive.open(file)) {
      ProgramMetadata metadata = metadata(archive);
      return metadata.optimizer(
          compiled
              ? openCompiled(metadata, archive, file)
              : open(SCRIPT, metadata, file.toString(), null));
    } catch (IOException e) {
      throw new IllegalArgumentException("it is no archive of torch's: " + e.getMessage(), e);
    }
  }

  private static ProgramMetadata metadata(ProgramArchive archive) throws IOException {
    String text = archive.metadata();
    try {
      return ProgramMetadata.parse(text);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("its optibridge.json is wrong: " + e.getMessage(), e);
    }
  }

  private static String openCompiled(ProgramMetadata metadata, ProgramArchive archive, Path file)
      throws IOException {
    String here = TorchRuntime.version();
    if (!here.equals(metadata.torch)) {
      throw new IllegalArgumentException(
          "it was compiled by torch "
              + metadata.torch
              + ", this is libtorch "
              + here
              + ": export it with torch "
              + here);
    }
    if (!metadata.flat) {
      throw new IllegalArgumentException("'flat' must be true for a compiled program");
    }
    requireProcessor(metadata.processor, Path.of("/proc/cpuinfo"));
    Path folder = Files.createTempDirectory(file.toAbsolutePath().getParent(), "models");
    try {
      Path float32 = archive.extract("float32", folder);
      Path float64 = archive.extract("float64", folder);
      if (float32 == null && float64 == null) {
        throw ProgramArchive.fault(
            "has no library below data/aotinductor/float32 or data/aotinductor/float64");
      }
      return open(
          COMPILED,
          metadata,
          float32 == null ? "" : float32.toString(),
          float64 == null ? "" : float64.toString());
    } finally {
      // What is loaded stays loaded.
      try (Stream<Path> files = Files.list(folder)) {
        for (Path one : files.toList()) {
          Files.delete(one);
        }
      }
      Files.delete(folder);
    }
  }

  /** Code for a processor that can do more would end the process. */
  static void requireProcessor(List<String> needed, Path processor) throws IOException {
    if (needed.isEmpty()) {
      throw new IllegalArgumentException(
          "its 'cpu_flags' do not say which processor it was compiled for");
    }
    if (!Files.isReadable(processor)) {
      throw new IllegalArgumentException(
          "this system does not tell what its processor can do (" + processor + ")");
    }
    Set<String> missing = new HashSet<>(needed);
    for (String line : Files.readAllLines(processor, StandardCharsets.ISO_8859_1)) {
      if (line.startsWith("flags") || line.startsWith("Features")) {
        missing.removeAll(List.of(line.substring(line.indexOf(':') + 1).strip().split(" +")));
        break;
      }
    }
    if (!missing.isEmpty()) {
      throw new IllegalArgumentException(
          "it was compiled for a processor with "
              + missing
              + ", which this one lacks: export it"
              + " here, or take the TorchScript form");
    }
  }

  private static String open(
      int kind, ProgramMetadata metadata, String path, @Nullable String float64) {
    TorchRuntime.require();
    long[] out = new long[1];
    NativeStatus.check(
        TorchLibrary.ob_torch_open_program(
            kind,
            path,
            float64,
            metadata.name,
            String.join("\n", metadata.options),
            metadata.optionKinds.stream().mapToInt(Integer::intValue).toArray(),
            metadata.options.size(),
            String.join("\n", metadata.states.stream().map(s -> s.name()).toList()),
            metadata.states.stream().mapToInt(s -> s.kind()).toArray(),
            metadata.states.stream().mapToDouble(s -> s.initial()).toArray(),
            metadata.states.size(),
            (metadata.elementWise ? ELEMENT_WISE : 0)
                | (metadata.inPlace ? IN_PLACE : 0)
                | (metadata.flat ? FLAT : 0),
            out));
    return TorchLibrary.ob_torch_import_text(out[0]);
  }
}
