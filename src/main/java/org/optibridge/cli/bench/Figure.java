package org.optibridge.cli.bench;

import java.util.Map;

/** What was measured of one contestant of an item. */
public sealed interface Figure permits Timing, Footprint {
  /** Returns the contestant's name. */
  String contestant();

  /** Returns the figures as plain JSON data, beginning with the item and the contestant. */
  Map<String, Object> toMap();
}
