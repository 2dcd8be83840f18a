package org.optibridge.vector;

import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Collects the {@link Vector#assign} calls of one thread, so that a whole pipeline becomes one
 * program of the native engine: few passes over memory, whatever number of classes wrote it.
 *
 * <pre>{@code
 * try (Recording recording = Recording.begin()) {
 *   m.assign(m.times(0.9).plus(g.times(0.1)));
 *   w.assign(w.minus(m.times(rate))); // reads the new m
 *   recording.commit();
 * }
 * }</pre>
 *
 * <p>While a recording is open, an assignment takes effect at once for whatever this thread forms
 * afterwards, but memory is written at {@link #commit()}, or earlier if something asks for the
 * memory itself ({@code beginRead}, {@code address}, a framework's whole-tensor step). Closing
 * without a commit drops what was not written yet and undoes what {@link #onRollBack} was told of.
 *
 * <p>A recording opened while another is open on the same thread joins it. Not thread-safe: it
 * belongs to the thread that began it.
 */
public final class Recording implements AutoCloseable {
  private static final ThreadLocal<@Nullable Recording> CURRENT = new ThreadLocal<>();

  private final @Nullable Recording outer;
  // In the order of the first assignment; the last value of each vector counts.
  private final List<Vector> targets = new ArrayList<>();
  private final IdentityHashMap<Vector, Node> values = new IdentityHashMap<>();
  private final List<Runnable> undo = new ArrayList<>();
  private boolean open = true;
  private boolean closed;
  private int joined; // recordings that are open within this one

  private Recording(@Nullable Recording outer) {
    this.outer = outer;
  }

  /**
   * Opens a recording on this thread.
   *
   * @return the recording, to be committed and closed by the caller on the same thread
   */
  public static Recording begin() {
    Recording recording = new Recording(CURRENT.get());
    if (recording.outer == null) {
      CURRENT.set(recording);
    } else {
      recording.outer.joined++;
    }
    return recording;
  }

  /** Returns whether a recording is open on this thread. */
  public static boolean isOpen() {
    return CURRENT.get() != null;
  }

  /**
   * Returns whether a recording is open on this thread that another one joined: whoever began the
   * outer one may have more to record, so that it is worth leaving work to its sweep.
   */
  public static boolean isJoined() {
    Recording recording = CURRENT.get();
    return recording != null && recording.joined > 0;
  }

  static @Nullable Recording current() {
    return CURRENT.get();
  }

  /**
   * Tells how to undo a change outside of vectors, such as a step count, if the recording that is
   * open on this thread is rolled back. Without one, nothing happens.
   *
   * @param action must not throw
   */
  public static void onRollBack(Runnable action) {
    Recording recording = CURRENT.get();
    if (recording != null) {
      recording.undo.add(action);
    }
  }

  /**
   * Drops all assignments of this thread's open recording that are not in memory yet and undoes
   * what {@link #onRollBack} was told of. The recording stays open.
   */
  public static void rollBack() {
    Recording recording = CURRENT.get();
    if (recording != null) {
      recording.drop();
    }
  }

  private void drop() {
    targets.clear();
    values.clear();
    for (int i = undo.size() - 1; i >= 0; i--) {
      undo.get(i).run();
    }
    undo.clear();
  }

  @Nullable Node pending(Vector vector) {
    return values.get(vector);
  }

  void store(Vector target, Node value) {
    if (values.put(target, value) == null) {
      targets.add(target);
    }
  }

  /** Brings all pending assignments to memory if one of them needs this vector. */
  static void beforeClose(Vector vector) {
    Recording recording = CURRENT.get();
    if (recording != null && recording.needs(vector)) {
      recording.flush(false);
    }
  }

  private boolean needs(Vector vector) {
    Set<Node> seen = Collections.newSetFromMap(new IdentityHashMap<>());
    return values.containsKey(vector)
        || values.values().stream().anyMatch(value -> value.reads(vector, seen));
  }

  /**
   * Brings all pending assignments of this thread's open recording to memory now. They can't be
   * rolled back any more.
   */
  public static void flush() {
    Recording recording = CURRENT.get();
    if (recording != null) {
      recording.flush(false);
    }
  }

  private void flush(boolean last) {
    if (targets.isEmpty()) {
      return;
    }
    List<Vector> stored = new ArrayList<>(targets);
    List<Node> nodes = new ArrayList<>(stored.size());
    stored.forEach(vector -> nodes.add(values.get(vector)));
    Sweep.storeAll(stored, nodes, !last);
    targets.clear();
    values.clear();
    // What is in memory can't be undone, nor what goes with it.
    undo.clear();
  }

  /**
   * Writes all pending assignments to memory; of an inner recording, leaves that to the outer one.
   *
   * @throws IllegalStateException if an operand was written to behind the recording's back
   */
  public void commit() {
    if (outer == null && open) {
      flush(true);
      undo.clear();
    }
    open = false;
  }

  /** Rolls back unless {@link #commit()} came before; of an inner recording, the outer one too. */
  @Override
  public void close() {
    if (outer == null) {
      CURRENT.remove();
    } else if (!closed) {
      outer.joined--;
    }
    closed = true;
    if (open) {
      open = false;
      (outer == null ? this : outer).drop();
    }
  }
}
