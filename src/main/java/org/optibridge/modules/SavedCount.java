package org.optibridge.modules;

import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.State;

/** Checks a count of a state that is to be restored, before anything is changed. */
final class SavedCount {
  private SavedCount() {}

  /**
   * @param owner the registered name, for messages
   * @param state holds the count
   * @param key the count's name
   * @param companion an entry that has to be there unless the count is 0; null for none
   * @return the count
   * @throws IllegalArgumentException if it is not a count, or its companion is missing
   */
  static double require(String owner, State state, String key, @Nullable String companion) {
    double count = state.number(key);
    if (!(count >= 0 && count <= 1L << 53 && count == Math.rint(count))) {
      throw new IllegalArgumentException(
          owner
              + ": '"
              + key
              + "' of the state must be a whole number, at least 0, not "
              + count
              + "; restore a state that getState() gave");
    }
    if (count > 0 && companion != null && !state.has(companion)) {
      throw new IllegalArgumentException(
          owner
              + ": the state has '"
              + key
              + "' = "
              + (long) count
              + " but lacks '"
              + companion
              + "'; restore a whole state, as getState() gave it");
    }
    return count;
  }
}
