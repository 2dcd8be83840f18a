package org.optibridge.cli.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;

/** What Linux says about memory; elsewhere nothing is known. */
public final class ProcessMemory {
  private static final Path SYSTEM = Path.of("/proc/meminfo");
  private static final Path PROCESS = Path.of("/proc/self/status");
  private static final Path RESET = Path.of("/proc/self/clear_refs");

  private ProcessMemory() {}

  /** Returns the bytes that can be allocated before the machine has to swap. */
  public static OptionalLong availableBytes() {
    return read(SYSTEM, "MemAvailable:");
  }

  /** The bytes of this process in memory now. */
  static OptionalLong residentBytes() {
    return read(PROCESS, "VmRSS:");
  }

  /** The most bytes of this process in memory since the start or the last reset. */
  static OptionalLong peakResidentBytes() {
    return read(PROCESS, "VmHWM:");
  }

  /** Lets the peak start again from what is there now; returns whether the system does that. */
  static boolean resetPeak() {
    try {
      Files.writeString(RESET, "5");
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  private static OptionalLong read(Path file, String key) {
    try {
      for (String line : Files.readAllLines(file)) {
        if (line.startsWith(key)) {
          return OptionalLong.of(1024 * Long.parseLong(line.replaceAll("[^0-9]", "")));
        }
      }
    } catch (IOException | NumberFormatException e) {
      return OptionalLong.empty();
    }
    return OptionalLong.empty();
  }
}
