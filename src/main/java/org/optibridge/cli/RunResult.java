package org.optibridge.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What one training run came to.
 *
 * @param optimizer as the user wrote it
 * @param learningRate the pipeline's rate
 * @param initialLoss mean loss over the training images before the first step
 * @param finalLoss the same after the last step
 * @param testAccuracy share of the test images recognized
 * @param optimizerMsPerStep median time of one {@code Optimizer.step}
 * @param optimizerShare what all of these took of the training time, from 0 to 1, after the first
 *     tenth
 * @param trainSeconds the training time, without evaluation
 * @param copiedBytes bytes of tensors that optibridge copied meanwhile
 * @param steps number of steps
 * @param stepsPerEpoch number of steps per epoch
 * @param losses the loss of each batch
 */
@SuppressWarnings("ArrayRecordComponent") // compared by nobody
record RunResult(
    String optimizer,
    double learningRate,
    double initialLoss,
    double finalLoss,
    double testAccuracy,
    double optimizerMsPerStep,
    double optimizerShare,
    double trainSeconds,
    long copiedBytes,
    int steps,
    int stepsPerEpoch,
    float[] losses) {

  /** For JSON, which has no word for what is not finite: null stands for it. */
  Map<String, @Nullable Object> toMap() {
    Map<String, @Nullable Object> map = new LinkedHashMap<>();
    map.put("optimizer", optimizer);
    map.put("learningRate", learningRate);
    map.put("initialLoss", finite(initialLoss));
    map.put("finalLoss", finite(finalLoss));
    map.put("testAccuracy", testAccuracy);
    map.put("optimizerMsPerStep", optimizerMsPerStep);
    map.put("optimizerShare", optimizerShare);
    map.put("trainSeconds", trainSeconds);
    map.put("copiedBytes", copiedBytes);
    map.put("steps", steps);
    map.put("stepsPerEpoch", stepsPerEpoch);
    List<@Nullable Number> values = new ArrayList<>(losses.length);
    for (float loss : losses) {
      values.add(Float.isFinite(loss) ? loss : null);
    }
    map.put("losses", values);
    return map;
  }

  private static @Nullable Double finite(double value) {
    return Double.isFinite(value) ? value : null;
  }
}
