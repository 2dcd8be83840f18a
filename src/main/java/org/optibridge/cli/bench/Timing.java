package org.optibridge.cli.bench;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Times of one step.
 *
 * @param item the item's name
 * @param contestant its name
 * @param elements of all tensors together
 * @param tensors their number
 * @param threads that each contestant may use
 * @param medianMs milliseconds, the median over the rounds
 * @param minMs milliseconds, the least over the rounds
 * @param steadiness what further steps copied and left behind
 * @param ratios this median over that of each other contestant, by name
 */
public record Timing(
    String item,
    String contestant,
    long elements,
    int tensors,
    int threads,
    double medianMs,
    double minMs,
    Steadiness steadiness,
    Map<String, Double> ratios)
    implements Figure {
  /** Returns microseconds of the median for each tensor. */
  public double microsPerTensor() {
    return 1e3 * medianMs / tensors;
  }

  @Override
  public Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("item", item);
    map.put("contestant", contestant);
    map.put("n", elements);
    map.put("tensors", tensors);
    map.put("threads", threads);
    map.put("median_ms", medianMs);
    map.put("min_ms", minMs);
    if (tensors > 1) {
      map.put("us_per_tensor", microsPerTensor());
    }
    steadiness.addTo(map);
    map.put("ratios", ratios);
    return map;
  }
}
