package org.optibridge.cli.bench;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import org.optibridge.memory.NativeMemory;

/**
 * What steps leave behind once they have been going for a while: nothing, if all is well.
 *
 * @param copiedBytes of tensors that this library copied in a step
 * @param nativeGrowth bytes of this library's memory that are live after {@value #STEPS} steps and
 *     were not before
 * @param residentGrowth bytes by which the process grew meanwhile, the framework's included; the
 *     JVM itself can account for some; empty where the system does not tell
 */
public record Steadiness(long copiedBytes, long nativeGrowth, OptionalLong residentGrowth) {
  /** How many steps are looked at. */
  static final int STEPS = 5;

  static Steadiness of(Contestant contestant) {
    long copied = NativeMemory.copiedBytes();
    long live = NativeMemory.liveBytes();
    OptionalLong resident = ProcessMemory.residentBytes();
    contestant.steps(STEPS);
    OptionalLong after = ProcessMemory.residentBytes();
    return new Steadiness(
        (NativeMemory.copiedBytes() - copied) / STEPS,
        NativeMemory.liveBytes() - live,
        resident.isPresent() && after.isPresent()
            ? OptionalLong.of(after.getAsLong() - resident.getAsLong())
            : OptionalLong.empty());
  }

  void addTo(Map<String, Object> map) {
    map.put("copied_bytes_per_step", copiedBytes);
    map.put("native_growth_bytes", nativeGrowth);
    residentGrowth.ifPresent(bytes -> map.put("resident_growth_bytes", bytes));
  }

  /**
   * @param timings of one item
   * @return one line about all contestants
   */
  public static String describe(List<Timing> timings) {
    long copied =
        timings.stream().mapToLong(timing -> timing.steadiness().copiedBytes()).max().orElse(0);
    long growth =
        timings.stream().mapToLong(timing -> timing.steadiness().nativeGrowth()).max().orElse(0);
    return String.format(
        Locale.ROOT,
        "Bytes copied in a step: %,d; growth of native memory in %d steps: %,d (the most of any contestant)",
        copied,
        STEPS,
        growth);
  }
}
