package org.optibridge.cli.bench;

import java.util.List;
import java.util.Optional;

/** All items that can be measured. */
public final class BenchItems {
  /** All of them, in the order of the help text. */
  public static final List<BenchItem> ALL =
      List.of(
          adam("adam-1e4", 10_000, 15),
          adam("adam-1e6", 1_000_000, 15),
          adam("adam-1e7", 10_000_000, 15),
          adam("adam-1e8", 100_000_000, 7),
          new TimedItem("adam-2000x100", Models.many(2000, 100), 15, AdamContestants.manyTensors()),
          new TimedItem("adamw-resnet50", Models.resnet50(), 11, AdamContestants.of("AdamW")),
          new TimedItem("adamw-gpt2", Models.gpt2(), 5, AdamContestants.of("AdamW")),
          new TimedItem("pipeline-1e7", Models.single(10_000_000), 11, PipelineContestants.all()),
          new TimedItem("pipeline-gpt2", Models.gpt2(), 5, PipelineContestants.all()),
          new MemoryItem("memory-1e8", Models.single(100_000_000)));

  private static final List<String> DEFAULT_NAMES =
      List.of("adam-1e4", "adam-1e7", "adam-2000x100", "pipeline-1e7");

  private BenchItems() {}

  private static BenchItem adam(String name, long n, int rounds) {
    return new TimedItem(name, Models.single(n), rounds, AdamContestants.of("Adam"));
  }

  /** Returns what is measured if nothing is named: less than a minute's worth. */
  public static List<BenchItem> defaults() {
    return ALL.stream().filter(item -> DEFAULT_NAMES.contains(item.name())).toList();
  }

  /**
   * @param name of an item
   * @return the item, if there is one of that name
   */
  public static Optional<BenchItem> find(String name) {
    return ALL.stream().filter(item -> item.name().equals(name)).findFirst();
  }
}
