package org.optibridge.cli.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.optibridge.vector.VectorSpec;

/** All items that can be measured. */
public final class BenchItems {
  private static final List<String> DEFAULT_NAMES =
      List.of("adam-1e4", "adam-1e7", "adam-2000x100", "pipeline-1e7");

  private final List<BenchItem> items = new ArrayList<>();
  private final @Nullable BenchOptimizer instead;

  private BenchItems(@Nullable BenchOptimizer instead) {
    this.instead = instead;
    step("adam-1e4", BenchOptimizer.ADAM, Models.matrix(100, 100), 15);
    step("adam-1e6", BenchOptimizer.ADAM, Models.matrix(1000, 1000), 15);
    step("adam-1e7", BenchOptimizer.ADAM, Models.matrix(10_000, 1000), 15);
    step("adam-1e8", BenchOptimizer.ADAM, Models.matrix(100_000, 1000), 7);
    step("adam-2000x100", BenchOptimizer.ADAM, Models.matrices(2000, 10, 10), 15);
    step("adamw-resnet50", BenchOptimizer.ADAMW, Models.resnet50(), 11);
    step("adamw-gpt2", BenchOptimizer.ADAMW, Models.gpt2(), 5);
    if (instead == null) {
      pipeline("pipeline-1e7", Models.matrix(10_000, 1000), 11);
      pipeline("pipeline-gpt2", Models.gpt2(), 5);
      tensorflow("tf-adam-1e6", Models.single(1_000_000));
      tensorflow("tf-adam-1e7", Models.single(10_000_000));
      tensorflow("tf-adam-2000x100", Models.matrices(2000, 10, 10));
    }
    items.add(new MemoryItem("memory-1e8", Models.matrix(100_000, 1000), instead));
  }

  /** Returns all items. */
  public static BenchItems all() {
    return new BenchItems(null);
  }

  /**
   * @param optimizer to be measured in place of Adam and AdamW
   * @return all items but the pipelines
   * @throws IllegalArgumentException if there is no such optimizer or an option is wrong
   * @throws org.optibridge.memory.FrameworkNotFoundException without libtorch
   */
  public static BenchItems of(BenchOptimizer optimizer) {
    OptimizerContestants.of(optimizer); // checks it
    return new BenchItems(optimizer);
  }

  private void step(String name, BenchOptimizer optimizer, VectorSpec model, int rounds) {
    BenchOptimizer measured = instead != null ? instead : optimizer;
    items.add(new TimedItem(name, model, rounds, () -> OptimizerContestants.of(measured)));
  }

  private void pipeline(String name, VectorSpec model, int rounds) {
    items.add(new TimedItem(name, model, rounds, PipelineContestants::all));
  }

  /** Returns the items in the order of the help text. */
  public List<BenchItem> items() {
    return List.copyOf(items);
  }

  private void tensorflow(String name, VectorSpec model) {
    items.add(new TimedItem(name, model, 15, TensorflowContestants::all));
  }

  /** Returns what is measured if nothing is named: less than a minute's worth. */
  public List<BenchItem> defaults() {
    return items.stream().filter(item -> DEFAULT_NAMES.contains(item.name())).toList();
  }

  /**
   * @param name of an item
   * @return the item, if there is one of that name
   */
  public Optional<BenchItem> find(String name) {
    return items.stream().filter(item -> item.name().equals(name)).findFirst();
  }
}
