package org.optibridge.cli.bench;

import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.VectorSpec;

/**
 * How to set up a contestant.
 *
 * @param name of the contestant
 * @param buffers memory it takes, in multiples of the model's size: weights, gradients, moments and
 *     whatever else
 * @param temporaries memory that comes and goes, in multiples of the largest tensor's size
 * @param computes whether it does the step that the others do, and not only moves the memory
 * @param setUp makes the step, on the contestant's weights and gradients
 */
record Recipe(String name, int buffers, int temporaries, boolean computes, SetUp setUp) {
  interface SetUp {
    Runnable stepOf(Contestant contestant);
  }

  static Recipe computing(String name, int buffers, int temporaries, SetUp setUp) {
    return new Recipe(name, buffers, temporaries, true, setUp);
  }

  static Recipe computing(String name, int buffers, SetUp setUp) {
    return computing(name, buffers, 0, setUp);
  }

  /** Memory traffic alone, on one block for each buffer whatever the tensors are. */
  static Recipe moving(String name, int buffers, SetUp setUp) {
    return new Recipe(name, buffers, 0, false, setUp);
  }

  long bytes(VectorSpec model) {
    long largest = model.tensors().stream().mapToLong(TensorSpec::numel).max().orElse(0);
    return Float.BYTES * (buffers * model.numel() + temporaries * largest);
  }
}
