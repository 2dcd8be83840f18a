package org.optibridge.cli.bench;

import java.util.List;

/** Something to measure, as named on the command line. */
public sealed interface BenchItem permits TimedItem, MemoryItem {
  /** Returns the name. */
  String name();

  /** Returns how often each contestant is sampled, unless the user says otherwise. */
  int rounds();

  /** Returns about how many bytes of memory all contestants take together. */
  long bytesNeeded();

  /** Returns what is measured, in one line. */
  String title();

  /**
   * Measures; nothing of it is left in memory afterwards.
   *
   * @param samples how often each contestant is sampled; at least 1
   * @return a figure for each contestant, in a fixed order
   * @throws IllegalStateException if two contestants do not compute the same
   */
  List<? extends Figure> run(int samples);
}
