package org.optibridge.vector;

import org.jspecify.annotations.Nullable;

/**
 * Memory that is allocated when it is asked for and kept, since training asks for the same at every
 * step. Not thread-safe.
 */
public final class Workspace implements AutoCloseable {
  private @Nullable Vector memory;

  /**
   * @param spec names, dtypes and shapes
   * @return a stored vector that belongs to this object and is valid until another spec is asked
   *     for; zeros if it is new, else as it was left
   */
  public Vector of(VectorSpec spec) {
    Vector known = memory;
    if (known != null && known.spec().equals(spec)) {
      return known;
    }
    close();
    Vector made = Vector.allocate(spec);
    memory = made;
    return made;
  }

  /** Gives the memory back. */
  @Override
  public void close() {
    if (memory != null) {
      memory.close();
      memory = null;
    }
  }
}
