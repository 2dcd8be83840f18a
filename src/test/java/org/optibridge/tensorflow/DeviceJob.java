package org.optibridge.tensorflow;

import java.util.Arrays;
import java.util.List;
import org.optibridge.memory.NativeMemory;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.State;
import org.optibridge.vector.SparseGradients;
import org.optibridge.vector.SparseRows;
import org.optibridge.vector.Vector;

/**
 * Trains on the host and on another device, in a JVM whose TensorFlow has more than one, and fails
 * if a bit differs.
 */
final class DeviceJob {
  private DeviceJob() {}

  public static void main(String[] arguments) {
    for (String cls : List.of("SGD", "Adam", "Adagrad", "Lamb", "ScheduleFreeAdamW")) {
      double[] host = train(cls, "CPU:0", "CPU:0");
      for (String device : List.of("CPU:1", "CPU:0")) {
        if (!Arrays.equals(host, train(cls, "CPU:1", device))) {
          throw new AssertionError(cls + " differs between CPU:0 and CPU:1 to " + device);
        }
      }
      System.out.println(cls + " is the same");
    }
    System.out.println("native bytes still held: " + NativeMemory.liveBytes());
  }

  /** Weights after steps on one device and, with the same state, on another. */
  private static double[] train(String cls, String first, String second) {
    try (Vector params = Vector.builder().copy("a", new float[] {1, 2, 3, 4, 5, 6}, 3, 2).build();
        Vector gradients =
            Vector.builder().copy("a", new float[] {.1f, -.2f, .3f, -.4f, .5f, 7}, 3, 2).build();
        SparseGradients rows =
            SparseGradients.of(SparseRows.copy("a", new long[] {2}, new float[] {1, 2}, 3, 2))) {
      TensorflowRuntime.setDevice(first);
      TensorflowOptiModule module = TensorflowOptiModule.of(cls);
      try (Optimizer optimizer = Optimizer.builder().learningRate(0.1).module(module).build()) {
        step(optimizer, module, first, params, gradients, rows);
        TensorflowRuntime.setDevice(second);
        // The module stays where it is until its state is set.
        step(optimizer, module, first, params, gradients, rows);
        try (State state = optimizer.getState()) {
          optimizer.setState(state);
        }
        step(optimizer, module, second, params, gradients, rows);
        return params.flatten();
      }
    }
  }

  private static void step(
      Optimizer optimizer,
      TensorflowOptiModule module,
      String device,
      Vector params,
      Vector gradients,
      SparseGradients rows) {
    if (!module.device().equals(device)) {
      throw new AssertionError("on " + module.device() + ", not " + device);
    }
    for (int i = 0; i < 3; i++) {
      optimizer.step(params, gradients);
      optimizer.step(params, rows);
      // TensorFlow is not to keep a copy of gradients that it once took to a device.
      gradients.assign(gradients.times(0.5));
    }
  }
}
