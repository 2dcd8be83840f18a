package org.optibridge.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.optibridge.vector.DType;
import org.optibridge.vector.Vector;

class NativeHandleTest {
  private static final class Probe extends NativeHandle {
    Probe(Runnable action) {
      super("Probe", 8, action);
    }
  }

  private final AtomicInteger released = new AtomicInteger();

  @Test
  void closesOnce() {
    long handles = NativeMemory.liveHandles();
    Probe probe = new Probe(released::incrementAndGet);
    assertThat(NativeMemory.liveHandles()).isEqualTo(handles + 1);
    assertThat(probe.isClosed()).isFalse();
    assertThat(probe).hasToString("Probe");
    probe.close();
    probe.close();
    assertThat(released).hasValue(1);
    assertThat(probe.isClosed()).isTrue();
    assertThat(probe).hasToString("Probe (closed)");
    assertThat(NativeMemory.liveHandles()).isEqualTo(handles);
  }

  @Test
  void useAfterCloseIsRefused() {
    Probe probe = new Probe(released::incrementAndGet);
    probe.close();
    assertThatThrownBy(probe::acquireShared)
        .isInstanceOf(ClosedException.class)
        .hasMessageContaining("Probe");
    assertThatThrownBy(probe::acquireExclusive).isInstanceOf(ClosedException.class);
  }

  @Test
  void closedVectorIsRefused() {
    Vector vector = Vector.builder().allocate("w", DType.FLOAT32, 4).build();
    vector.close();
    vector.close();
    assertThatThrownBy(() -> vector.toFloats("w"))
        .isInstanceOf(ClosedException.class)
        .hasMessageContaining("[w]");
    assertThatThrownBy(() -> vector.fill(1)).isInstanceOf(ClosedException.class);
  }

  @Test
  void closeWaitsForACallInFlight() throws InterruptedException {
    Probe probe = new Probe(released::incrementAndGet);
    probe.acquireShared();
    Thread closer = new Thread(probe::close);
    closer.start();
    Thread.sleep(100);
    assertThat(closer.isAlive()).isTrue();
    assertThat(released).hasValue(0);
    probe.release();
    closer.join(10_000);
    assertThat(closer.isAlive()).isFalse();
    assertThat(released).hasValue(1);
  }

  @Test
  void closesFromManyThreadsReleaseOnce() throws InterruptedException {
    Probe probe = new Probe(released::incrementAndGet);
    Thread[] threads = new Thread[8];
    for (int i = 0; i < threads.length; i++) {
      threads[i] = new Thread(probe::close);
      threads[i].start();
    }
    for (Thread thread : threads) {
      thread.join(10_000);
    }
    assertThat(released).hasValue(1);
  }

  @Test
  void readersShareAndWritersAreAlone() {
    try (Probe probe = new Probe(() -> {})) {
      probe.acquireShared();
      probe.acquireShared();
      assertThatThrownBy(probe::acquireExclusive)
          .isInstanceOf(ConcurrentUseException.class)
          .hasMessageContaining("Probe");
      probe.release();
      assertThatThrownBy(probe::acquireExclusive).isInstanceOf(ConcurrentUseException.class);
      probe.release();
      probe.acquireExclusive();
      assertThatThrownBy(probe::acquireShared).isInstanceOf(ConcurrentUseException.class);
      assertThatThrownBy(probe::acquireExclusive).isInstanceOf(ConcurrentUseException.class);
      probe.release();
      probe.acquireShared();
      probe.release();
    }
  }

  @Test
  void countersFollowMemory() {
    long before = NativeMemory.liveBytes();
    long copied = NativeMemory.copiedBytes();
    NativeMemory.resetPeak();
    try (Vector vector = Vector.builder().copy("w", new float[1000], 1000).build()) {
      assertThat(vector.isStored()).isTrue();
      assertThat(NativeMemory.liveBytes()).isGreaterThanOrEqualTo(before + 4000);
      assertThat(NativeMemory.copiedBytes()).isEqualTo(copied + 4000);
      NativeMemory.countCopy(1);
      assertThat(NativeMemory.copiedBytes()).isEqualTo(copied + 4001);
    }
    assertThat(NativeMemory.liveBytes()).isEqualTo(before);
    assertThat(NativeMemory.peakBytes()).isGreaterThanOrEqualTo(before + 4000);
    NativeMemory.resetPeak();
    assertThat(NativeMemory.peakBytes()).isEqualTo(NativeMemory.liveBytes());
  }

  @Test
  void leakIsFreedAndReported() throws InterruptedException {
    long bytes = NativeMemory.liveBytes();
    long leaks = NativeMemory.leaks();
    leak();
    assertThat(NativeMemory.liveBytes()).isGreaterThanOrEqualTo(bytes + 400_000);
    for (int i = 0; i < 200 && NativeMemory.leaks() == leaks; i++) {
      System.gc();
      Thread.sleep(20);
    }
    assertThat(NativeMemory.leaks()).isGreaterThan(leaks);
    assertThat(NativeMemory.liveBytes()).isLessThanOrEqualTo(bytes);
  }

  private static void leak() {
    Vector lost = Vector.builder().allocate("expected-leak", DType.FLOAT32, 100_000).build();
    assertThat(lost.isStored()).isTrue();
  }
}
