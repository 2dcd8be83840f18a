package org.optibridge.cli.bench;

import java.util.List;
import org.optibridge.memory.FrameworkNotFoundException;
import org.optibridge.tensorflow.TensorflowRuntime;
import org.optibridge.torch.TorchRuntime;

/** Something to measure, as named on the command line. */
public sealed interface BenchItem permits TimedItem, MemoryItem {
  /** Returns the name. */
  String name();

  /**
   * Loads the framework whose step is measured: TensorFlow if the name begins with {@code tf-},
   * else libtorch.
   *
   * @throws FrameworkNotFoundException if it is not there
   */
  default void requireFramework() {
    if (name().startsWith("tf-")) {
      TensorflowRuntime.require();
    } else {
      TorchRuntime.require();
    }
  }

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
