package org.optibridge.vector;

import org.jspecify.annotations.Nullable;

/**
 * Makes {@link Vector#select selections} and keeps the last one, since training asks for the same
 * at every step. Not thread-safe.
 */
public final class Selection implements AutoCloseable {
  private @Nullable Vector whole;
  private @Nullable Vector part;

  /**
   * @param vector a stored vector
   * @param some names, shapes and dtypes of tensors of it, in the same order
   * @return the vector itself if these are all of its tensors, else a selection that belongs to
   *     this object and is valid until the next call
   * @throws IllegalArgumentException naming a tensor that is not in the vector
   */
  public Vector of(Vector vector, VectorSpec some) {
    if (vector.spec().equals(some)) {
      return vector;
    }
    Vector known = part;
    if (known != null && whole == vector && known.spec().equals(some)) {
      return known;
    }
    Vector next = vector.select(some);
    close();
    whole = vector;
    part = next;
    return next;
  }

  /** Forgets the selection. */
  @Override
  public void close() {
    if (part != null) {
      part.close();
    }
    whole = null;
    part = null;
  }
}
