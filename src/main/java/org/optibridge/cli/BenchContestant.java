package org.optibridge.cli;

import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.optibridge.memory.CoreLibrary;
import org.optibridge.memory.NativeStatus;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.torch.TorchLibrary;
import org.optibridge.torch.TorchOptiModule;
import org.optibridge.vector.DType;
import org.optibridge.vector.Vector;

/**
 * One way to do an Adam step on four float32 buffers (weights, gradients, two moments) that are
 * allocated in the same way and order for each.
 */
final class BenchContestant implements AutoCloseable {
  static final String OURS = "optibridge";
  static final String UNFUSED = "optibridge-unfused";
  static final String LIBTORCH = "libtorch-fused";
  static final String FLOOR = "floor";

  /** All of them, in the order of the output. */
  static final List<String> NAMES = List.of(OURS, UNFUSED, LIBTORCH, FLOOR);

  private static final double RATE = 1e-3;
  private static final String TENSOR = "w";

  final String name;
  private final Runnable step;
  private final List<AutoCloseable> owned;

  private BenchContestant(String name, Runnable step, List<AutoCloseable> owned) {
    this.name = name;
    this.step = step;
    this.owned = owned;
  }

  /** Allocates what it needs and does the first step, so that all of its memory is in place. */
  static BenchContestant create(String name, long n) {
    List<AutoCloseable> owned = new ArrayList<>();
    try {
      Vector params = allocate(owned, n);
      Vector gradients = allocate(owned, n);
      randomize(gradients, n);
      Runnable step =
          switch (name) {
            case OURS -> pipeline(owned, params, gradients, Map.of());
            case UNFUSED -> pipeline(owned, params, gradients, Map.of("fused", false));
            case LIBTORCH -> libtorch(owned, n, params, gradients);
            case FLOOR -> floor(owned, n, params, gradients);
            default -> throw new IllegalArgumentException("no contestant " + name);
          };
      step.run();
      return new BenchContestant(name, step, owned);
    } catch (RuntimeException | Error e) {
      close(owned);
      throw e;
    }
  }

  private static Runnable pipeline(
      List<AutoCloseable> owned, Vector params, Vector gradients, Map<String, Object> kwargs) {
    Optimizer optimizer =
        Optimizer.builder().learningRate(RATE).module(TorchOptiModule.of("Adam", kwargs)).build();
    owned.add(optimizer);
    return () -> optimizer.step(params, gradients);
  }

  private static Runnable libtorch(
      List<AutoCloseable> owned, long n, Vector params, Vector gradients) {
    long[] out = new long[1];
    NativeStatus.check(
        TorchLibrary.ob_torch_bench_create(
            params.address(TENSOR),
            gradients.address(TENSOR),
            allocate(owned, n).address(TENSOR),
            allocate(owned, n).address(TENSOR),
            n,
            out));
    long bench = out[0];
    owned.add(() -> TorchLibrary.ob_torch_bench_destroy(bench));
    return () -> NativeStatus.check(TorchLibrary.ob_torch_bench_step(bench, RATE));
  }

  private static Runnable floor(List<AutoCloseable> owned, long n, Vector params, Vector grads) {
    long p = params.address(TENSOR);
    long g = grads.address(TENSOR);
    long m = allocate(owned, n).address(TENSOR);
    long v = allocate(owned, n).address(TENSOR);
    return () -> CoreLibrary.ob_floor_adam(p, g, m, v, n);
  }

  private static Vector allocate(List<AutoCloseable> owned, long n) {
    Vector vector = Vector.builder().allocate(TENSOR, DType.FLOAT32, n).build();
    owned.add(vector);
    return vector;
  }

  /** Magnitudes from 1e-3 to 1.1e-2, so that neither they nor their squares get denormal. */
  private static void randomize(Vector gradients, long n) {
    FloatBuffer buffer = gradients.floatBuffer(TENSOR);
    SplittableRandom random = new SplittableRandom(1);
    for (int i = 0; i < n; i++) {
      int bits = random.nextInt();
      float magnitude = 1e-3f + 1e-2f * ((bits >>> 8) * 0x1p-24f);
      buffer.put(i, (bits & 1) == 0 ? magnitude : -magnitude);
    }
  }

  /** That many steps, one after another. */
  void steps(long count) {
    for (long i = 0; i < count; i++) {
      step.run();
    }
  }

  @Override
  public void close() {
    close(owned);
  }

  /** What was made last is closed first: native code never knows memory that is gone. */
  private static void close(List<AutoCloseable> owned) {
    for (int i = owned.size() - 1; i >= 0; i--) {
      try {
        owned.remove(i).close();
      } catch (Exception e) {
        throw new IllegalStateException("closing failed", e);
      }
    }
  }
}
