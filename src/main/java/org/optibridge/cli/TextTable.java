package org.optibridge.cli;

import java.util.ArrayList;
import java.util.List;

/** Columns of text, each as wide as it must be. */
final class TextTable {
  private final List<String[]> rows = new ArrayList<>();
  private final int leftAligned;

  /** The first {@code leftAligned} columns are text, those after them numbers. */
  TextTable(int leftAligned, String... header) {
    this.leftAligned = leftAligned;
    rows.add(header);
  }

  TextTable row(String... cells) {
    rows.add(cells);
    return this;
  }

  /** The rows under a ruled header. */
  @Override
  public String toString() {
    int[] widths = new int[rows.get(0).length];
    for (String[] row : rows) {
      for (int i = 0; i < row.length; i++) {
        widths[i] = Math.max(widths[i], row[i].length());
      }
    }
    StringBuilder text = new StringBuilder();
    for (int r = 0; r < rows.size(); r++) {
      line(text, rows.get(r), widths);
      if (r == 0) {
        int total = 2 * (widths.length - 1);
        for (int width : widths) {
          total += width;
        }
        text.append("-".repeat(total)).append(System.lineSeparator());
      }
    }
    return text.toString();
  }

  private void line(StringBuilder text, String[] row, int[] widths) {
    StringBuilder line = new StringBuilder();
    for (int i = 0; i < row.length; i++) {
      String padding = " ".repeat(widths[i] - row[i].length());
      line.append(i == 0 ? "" : "  ");
      line.append(i < leftAligned ? row[i] + padding : padding + row[i]);
    }
    text.append(line.toString().stripTrailing()).append(System.lineSeparator());
  }
}
