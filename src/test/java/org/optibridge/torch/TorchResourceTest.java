package org.optibridge.torch;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.optibridge.memory.ConcurrentUseException;
import org.optibridge.memory.NativeMemory;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.testing.RequiresTorch;
import org.optibridge.torch.TorchFixtures.Config;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorBuilder;

/** What a step copies, allocates and does under concurrency. */
@RequiresTorch
class TorchResourceTest {
  static List<Config> all() {
    return TorchFixtures.all();
  }

  private static Vector wrapped(int tensors, int elements) {
    VectorBuilder builder = Vector.builder();
    for (int i = 0; i < tensors; i++) {
      ByteBuffer buffer = ByteBuffer.allocateDirect(4 * elements).order(ByteOrder.nativeOrder());
      builder.wrap("w" + i, buffer.asFloatBuffer(), elements);
    }
    return builder.build();
  }

  private static Optimizer optimizer(Config config) {
    return Optimizer.builder().learningRate(0.01).module(config.make()).build();
  }

  @ParameterizedTest
  @MethodSource("all")
  void stepsCopyNothingAndKeepMemoryFlat(Config config) {
    long atStart = NativeMemory.liveBytes();
    long handles = NativeMemory.liveHandles();
    try (Optimizer optimizer = optimizer(config);
        Vector params = wrapped(4, 1000);
        Vector gradients = wrapped(4, 1000)) {
      gradients.fill(0.5);
      optimizer.step(params, gradients);
      long live = NativeMemory.liveBytes();
      long copied = NativeMemory.copiedBytes();
      for (int i = 0; i < 100; i++) {
        optimizer.step(params, gradients);
        assertThat(NativeMemory.liveBytes()).isEqualTo(live);
      }
      assertThat(NativeMemory.copiedBytes()).isEqualTo(copied);
    }
    assertThat(NativeMemory.liveBytes()).isEqualTo(atStart);
    assertThat(NativeMemory.liveHandles()).isEqualTo(handles);
  }

  @ParameterizedTest
  @MethodSource("all")
  void heapPerStepDoesNotGrowWithTheModel(Config config) {
    // One thread of libtorch: 500 small tensors in parallel take long where CPUs are shared.
    int threads = TorchLibrary.ob_torch_threads();
    TorchLibrary.ob_torch_set_threads(1);
    try {
      long small = heapPerStep(config, 1, 10);
      long large = heapPerStep(config, 500, 1000);
      assertThat(Math.abs(large - small)).isLessThan(512);
    } finally {
      TorchLibrary.ob_torch_set_threads(threads);
    }
  }

  private static long heapPerStep(Config config, int tensors, int elements) {
    com.sun.management.ThreadMXBean threads =
        (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    try (Optimizer optimizer = optimizer(config);
        Vector params = wrapped(tensors, elements);
        Vector gradients = wrapped(tensors, elements)) {
      gradients.fill(0.5);
      for (int i = 0; i < 100; i++) {
        optimizer.step(params, gradients);
      }
      int steps = 100;
      long before = threads.getCurrentThreadAllocatedBytes();
      for (int i = 0; i < steps; i++) {
        optimizer.step(params, gradients);
      }
      return (threads.getCurrentThreadAllocatedBytes() - before) / steps;
    }
  }

  @Test
  void concurrentStepsSucceedOrAreRefused() throws InterruptedException {
    AtomicInteger stepped = new AtomicInteger();
    AtomicInteger refused = new AtomicInteger();
    AtomicReference<Throwable> other = new AtomicReference<>();
    try (Optimizer optimizer = optimizer(new Config("Adam", java.util.Map.of()));
        Vector params = wrapped(4, 20_000);
        Vector gradients = wrapped(4, 20_000)) {
      gradients.fill(0.5);
      List<Thread> threads = new ArrayList<>();
      for (int t = 0; t < 2; t++) {
        threads.add(
            new Thread(
                () -> {
                  for (int i = 0; i < 300; i++) {
                    try {
                      optimizer.step(params, gradients);
                      stepped.incrementAndGet();
                    } catch (ConcurrentUseException e) {
                      refused.incrementAndGet();
                    } catch (RuntimeException | Error e) {
                      other.set(e);
                    }
                  }
                }));
      }
      threads.forEach(Thread::start);
      for (Thread thread : threads) {
        thread.join(60_000);
      }
      assertThat(other.get()).isNull();
      assertThat(stepped.get() + refused.get()).isEqualTo(600);
      assertThat(stepped).hasPositiveValue();
      // With a constant gradient every successful Adam step moves the weights by the rate.
      assertThat(params.toFloats("w3")[0])
          .isCloseTo(-0.01f * stepped.get(), org.assertj.core.data.Percentage.withPercentage(1));
    }
  }
}
