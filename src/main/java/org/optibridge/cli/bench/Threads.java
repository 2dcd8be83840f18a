package org.optibridge.cli.bench;

import org.optibridge.memory.CoreLibrary;
import org.optibridge.torch.TorchLibrary;
import org.optibridge.torch.TorchRuntime;

/** One number of threads for all contestants, while it is open; then what was before. */
public final class Threads implements AutoCloseable {
  private final int core = CoreLibrary.ob_threads();
  private final boolean withTorch = TorchRuntime.problem() == null;
  private final int torch = withTorch ? TorchLibrary.ob_torch_threads() : core;

  private Threads(int wanted) {
    int threads = wanted > 0 ? wanted : torch;
    set(threads, threads);
  }

  /**
   * @param wanted the number of threads, or 0 for as many as libtorch takes by itself, without it
   *     the core
   * @return what puts the former numbers back when it is closed
   */
  public static Threads use(int wanted) {
    return new Threads(wanted);
  }

  static int count() {
    return CoreLibrary.ob_threads();
  }

  static String describe() {
    return count() + (count() == 1 ? " thread" : " threads");
  }

  @Override
  public void close() {
    set(core, torch);
  }

  private void set(int ofCore, int ofTorch) {
    CoreLibrary.ob_set_threads(ofCore);
    if (withTorch) {
      TorchLibrary.ob_torch_set_threads(ofTorch);
    }
  }
}
