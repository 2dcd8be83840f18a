package org.optibridge.cli;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What one federated run came to.
 *
 * @param method what was run
 * @param seed of everything random in it
 * @param accuracy share of the images to measure with that are recognized: before the first round,
 *     then after each
 * @param trainLoss mean loss over all training images after the last round
 * @param bytesDown bytes that the server sent
 * @param bytesUp bytes that the clients sent
 * @param seconds time that the rounds took, without measuring accuracy
 */
@SuppressWarnings("ArrayRecordComponent") // compared by nobody
record FederatedRun(
    FederatedMethod method,
    long seed,
    double[] accuracy,
    double trainLoss,
    long bytesDown,
    long bytesUp,
    double seconds) {
  /** Over how many of the last rounds accuracy is averaged: a single round depends on chance. */
  static final int LAST = 5;

  int rounds() {
    return accuracy.length - 1;
  }

  double finalAccuracy() {
    return accuracy[rounds()];
  }

  double bestAccuracy() {
    return Arrays.stream(accuracy).max().orElseThrow();
  }

  /** The mean over the last {@value #LAST} rounds. */
  double lastAccuracy() {
    return Arrays.stream(accuracy, Math.max(1, rounds() + 1 - LAST), rounds() + 1)
        .average()
        .orElseThrow();
  }

  /** Of all clients together, both ways. */
  double bytesPerRound() {
    return (double) (bytesDown + bytesUp) / rounds();
  }

  /** For JSON, which has no word for what is not finite: null stands for it. */
  Map<String, @Nullable Object> toMap() {
    Map<String, @Nullable Object> map = new LinkedHashMap<>();
    map.put("method", method.label());
    map.put("fedprox", method.fedprox());
    map.put("scaffold", method.scaffold());
    map.put("seed", seed);
    map.put("finalAccuracy", finalAccuracy());
    map.put("bestAccuracy", bestAccuracy());
    map.put("lastRoundsAccuracy", lastAccuracy());
    map.put("trainLoss", Double.isFinite(trainLoss) ? trainLoss : null);
    map.put("bytesDown", bytesDown);
    map.put("bytesUp", bytesUp);
    map.put("seconds", seconds);
    map.put("accuracy", Arrays.stream(accuracy).boxed().toList());
    return map;
  }
}
