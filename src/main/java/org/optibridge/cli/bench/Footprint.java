package org.optibridge.cli.bench;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * Memory that steps take beyond parameters and gradients.
 *
 * @param item the item's name
 * @param contestant its name
 * @param elements parameters of the model
 * @param nativeBytes for each parameter, the peak of this library's own counter
 * @param residentBytes for each parameter, by how much the process grew; empty where the system
 *     does not tell
 */
public record Footprint(
    String item, String contestant, long elements, double nativeBytes, OptionalDouble residentBytes)
    implements Figure {
  @Override
  public Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("item", item);
    map.put("contestant", contestant);
    map.put("n", elements);
    map.put("native_bytes_per_parameter", nativeBytes);
    residentBytes.ifPresent(bytes -> map.put("resident_bytes_per_parameter", bytes));
    return map;
  }
}
