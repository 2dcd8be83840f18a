package org.optibridge.memory;

import java.lang.ref.Cleaner;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * An object that owns something native and releases it exactly once.
 *
 * <p><b>Overridable:</b> nothing. A subclass passes the action that releases the native side to the
 * constructor; the action must not refer to the subclass's instance, or it could never be
 * collected.
 *
 * <p><b>Use:</b> every native call stands between {@link #acquireShared()} (any number of readers)
 * or {@link #acquireExclusive()} (one writer) and {@link #release()}, which keeps the memory alive
 * and turns use after close and concurrent use into exceptions.
 *
 * <p><b>Thread-safety:</b> all methods may be called from any thread. {@link #close()} waits for
 * calls in flight.
 */
public abstract class NativeHandle implements AutoCloseable {
  private static final Cleaner CLEANER = Cleaner.create();
  private static final System.Logger LOGGER = System.getLogger("org.optibridge.memory");
  private static final boolean TRACE = Boolean.getBoolean("optibridge.leak.trace");
  private static final long WAIT_NANOS = 50_000;

  private static final int FREE = 0;
  private static final int EXCLUSIVE = -1;
  private static final int CLOSED = -2;

  // FREE, the number of shared users, EXCLUSIVE or CLOSED.
  private final AtomicInteger users = new AtomicInteger(FREE);
  private final Release release;
  private final Cleaner.Cleanable cleanable;

  /**
   * @param description names the object in errors and in the leak report
   * @param bytes native bytes that hang on this handle, for the leak report
   * @param action releases the native side; must not refer to this object and must not throw
   */
  protected NativeHandle(String description, long bytes, Runnable action) {
    this.release = new Release(description, bytes, action);
    this.cleanable = CLEANER.register(this, release);
    CoreLibrary.ob_count(NativeMemory.LIVE_HANDLES, 1);
  }

  /**
   * Enters a call that only reads.
   *
   * @throws ClosedException after {@link #close()}
   * @throws ConcurrentUseException while another call writes
   */
  public final void acquireShared() {
    while (true) {
      int now = users.get();
      if (now < FREE) {
        throw refusal(now);
      }
      if (users.compareAndSet(now, now + 1)) {
        return;
      }
    }
  }

  /**
   * Enters a call that writes, or that must be alone.
   *
   * @throws ClosedException after {@link #close()}
   * @throws ConcurrentUseException while any other call uses this object
   */
  public final void acquireExclusive() {
    if (!users.compareAndSet(FREE, EXCLUSIVE)) {
      throw refusal(users.get());
    }
  }

  /** Leaves the call entered by the last {@code acquire…} of this thread. */
  public final void release() {
    users.getAndUpdate(now -> now == EXCLUSIVE ? FREE : now - 1);
  }

  private IllegalStateException refusal(int state) {
    return state == CLOSED
        ? new ClosedException(release.description)
        : new ConcurrentUseException(release.description);
  }

  /**
   * @return whether {@link #close()} has been called
   */
  public final boolean isClosed() {
    return users.get() == CLOSED;
  }

  /**
   * Releases the native memory, after waiting for calls in flight on other threads. Calling it
   * again does nothing. Never throws.
   */
  @Override
  public final void close() {
    while (!users.compareAndSet(FREE, CLOSED)) {
      if (users.get() == CLOSED) {
        return;
      }
      LockSupport.parkNanos(WAIT_NANOS);
    }
    release.closed.set(true);
    cleanable.clean();
  }

  @Override
  public String toString() {
    return release.description + (isClosed() ? " (closed)" : "");
  }

  /** Everything that outlives the owner; refers to nothing of it. */
  private static final class Release implements Runnable {
    final String description;
    final long bytes;
    final Runnable action;
    final AtomicBoolean closed = new AtomicBoolean();
    final @Nullable Throwable origin = TRACE ? new Throwable("allocated here") : null;

    Release(String description, long bytes, Runnable action) {
      this.description = description;
      this.bytes = bytes;
      this.action = action;
    }

    @Override
    public void run() {
      action.run();
      CoreLibrary.ob_count(NativeMemory.LIVE_HANDLES, -1);
      if (!closed.get()) {
        NativeMemory.LEAKS.incrementAndGet();
        String line =
            "LEAK: "
                + description
                + " ("
                + bytes
                + " native bytes) was garbage-collected without close(); it is freed now."
                + (TRACE ? "" : " -Doptibridge.leak.trace=true shows where it was made.");
        if (origin == null) {
          LOGGER.log(System.Logger.Level.WARNING, line);
        } else {
          LOGGER.log(System.Logger.Level.WARNING, line, origin);
        }
      }
    }
  }
}
