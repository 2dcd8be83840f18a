package org.optibridge.optimizer;

import java.util.List;
import java.util.Locale;

/** Finds the name that somebody who mistyped may have meant. */
public final class NearestName {
  private static final int MOST_EDITS = 3;

  private NearestName() {}

  /**
   * @param typed what somebody wrote
   * @param known what could have been meant
   * @return {@code "; did you mean 'x'?"}, or nothing if no known name is near
   */
  public static String hint(String typed, List<String> known) {
    String nearest = "";
    int least = MOST_EDITS + 1;
    for (String name : known) {
      int edits = distance(name, typed);
      // A short name turns into any other by few edits.
      if (edits < least && edits < Math.max(name.length(), typed.length()) / 2.0) {
        least = edits;
        nearest = name;
      }
    }
    return nearest.isEmpty() ? "" : "; did you mean '" + nearest + "'?";
  }

  /** Edits between two names, regardless of case. */
  private static int distance(String one, String other) {
    String a = one.toLowerCase(Locale.ROOT);
    String b = other.toLowerCase(Locale.ROOT);
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(replaced, 1 + Math.min(row[j], row[j - 1]));
      }
    }
    return row[b.length()];
  }
}
