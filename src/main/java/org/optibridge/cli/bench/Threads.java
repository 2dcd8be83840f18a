package org.optibridge.cli.bench;

import org.optibridge.memory.CoreLibrary;
import org.optibridge.torch.TorchLibrary;

/** One number of threads for all contestants, while it is open; then what was before. */
public final class Threads implements AutoCloseable {
  private final int core = CoreLibrary.ob_threads();
  private final int torch = TorchLibrary.ob_torch_threads();

  private Threads(int wanted) {
    int threads = wanted > 0 ? wanted : torch;
    CoreLibrary.ob_set_threads(threads);
    TorchLibrary.ob_torch_set_threads(threads);
  }

  /**
   * @param wanted the number of threads, or 0 for as many as libtorch takes by itself
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
    CoreLibrary.ob_set_threads(core);
    TorchLibrary.ob_torch_set_threads(torch);
  }
}
