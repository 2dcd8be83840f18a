package org.optibridge.memory;

import java.util.concurrent.atomic.AtomicLong;

/**
 * Live counters of what this library holds and copies, for the whole process. Reading them is cheap
 * and safe from any thread. Memory that the caller owns and only lends (wrapped buffers) is not
 * counted.
 */
public final class NativeMemory {
  static final int LIVE_BYTES = 0;
  static final int PEAK_BYTES = 1;
  static final int LIVE_HANDLES = 2;
  static final int COPIED_BYTES = 3;

  static final AtomicLong LEAKS = new AtomicLong();

  private NativeMemory() {}

  /** Returns bytes of native memory that this library holds now. */
  public static long liveBytes() {
    return CoreLibrary.ob_counter(LIVE_BYTES);
  }

  /**
   * @return the largest value of {@link #liveBytes()} since the start or {@link #resetPeak()}
   */
  public static long peakBytes() {
    return CoreLibrary.ob_counter(PEAK_BYTES);
  }

  /** Lets {@link #peakBytes()} start again from what is live now. */
  public static void resetPeak() {
    CoreLibrary.ob_reset_peak();
  }

  /** Returns native handles (vectors, optimizers) that are open now. */
  public static long liveHandles() {
    return CoreLibrary.ob_counter(LIVE_HANDLES);
  }

  /**
   * Bytes that were copied because a copy was asked for by name ({@code Vector.Builder.copy}, state
   * snapshots) or could not be avoided. A training step on wrapped buffers adds nothing.
   *
   * @return bytes copied since the process began
   */
  public static long copiedBytes() {
    return CoreLibrary.ob_counter(COPIED_BYTES);
  }

  /**
   * @return objects that were garbage-collected without {@code close()}; each also logged one line
   *     that begins with {@code LEAK:}
   */
  public static long leaks() {
    return LEAKS.get();
  }

  /**
   * Adds to {@link #copiedBytes()}; for the code that makes the copy.
   *
   * @param bytes the bytes copied
   */
  public static void countCopy(long bytes) {
    CoreLibrary.ob_count(COPIED_BYTES, bytes);
  }
}
