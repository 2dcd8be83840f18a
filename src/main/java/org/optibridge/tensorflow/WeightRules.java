package org.optibridge.tensorflow;

import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.State;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorSpec;

/** What Keras does to the weights beside the step: decay before it, averaging after it. */
final class WeightRules implements AutoCloseable {
  static final String AVERAGE = "average";

  private final double decay;
  // Of the tensors that Muon leaves to Adam.
  private final double adamDecay;
  private final @Nullable MuonTensors muon;
  private final List<Pattern> notDecayed;
  private final boolean averages;
  private final double momentum;
  private final long overwriteEvery;
  private @Nullable Vector average;
  // The decay of each tensor, for the spec it was made for.
  private @Nullable VectorSpec decaySpec;
  private double[] decays = {};

  WeightRules(KerasOptimizer optimizer) {
    // Keras casts it to the dtype of a weight by way of float32.
    this.decay = (float) optimizer.number("weight_decay");
    this.muon = MuonTensors.of(optimizer);
    this.adamDecay = muon == null ? decay : (float) optimizer.number(KerasCatalog.ADAM_DECAY);
    this.notDecayed = optimizer.excludedFromWeightDecay().stream().map(Pattern::compile).toList();
    this.averages = optimizer.flag("use_ema");
    this.momentum = optimizer.number("ema_momentum");
    this.overwriteEvery = (long) optimizer.number("ema_overwrite_frequency");
  }

  boolean decays() {
    return decay != 0 || adamDecay != 0;
  }

  boolean averages() {
    return averages;
  }

  /** The weights after the decay; they themselves without one. */
  Vector decayed(Vector weights, double rate) {
    if (!decays()) {
      return weights;
    }
    Vector part =
        notDecayed.isEmpty() && muon == null
            ? weights.times(decay)
            : weights.timesEach(decaysOf(weights.spec()));
    return weights.minus(part.times(rate));
  }

  private double[] decaysOf(VectorSpec spec) {
    if (decaySpec == null || !spec.equals(decaySpec)) {
      decays =
          spec.tensors().stream()
              .mapToDouble(
                  tensor ->
                      notDecayed.stream().anyMatch(one -> one.matcher(tensor.name()).find())
                          ? 0
                          : muon == null || muon.accepts(tensor) ? decay : adamDecay)
              .toArray();
      decaySpec = spec;
    }
    return decays;
  }

  /**
   * Follows the weights after a call.
   *
   * @param iteration steps that were complete before the call
   */
  void average(Vector weights, long iteration) {
    if (!averages) {
      return;
    }
    Vector of = average;
    if (of == null) {
      of = Vector.allocate(weights.spec());
      average = of;
    }
    of.assign(iteration == 0 ? weights : of.times(momentum).plus(weights.times(1 - momentum)));
    if (overwriteEvery > 0 && (iteration + 1) % overwriteEvery == 0) {
      weights.assign(of);
    }
  }

  /** Makes the weights their average, if there is one. */
  void overwrite(Vector weights) {
    if (average != null) {
      weights.assign(average);
    }
  }

  void addTo(State state) {
    if (average != null) {
      state.put(AVERAGE, average.materialize());
    }
  }

  /** Takes over a saved average, or none. */
  void restore(@Nullable Vector saved) {
    close();
    average = saved == null ? null : saved.materialize();
  }

  @Override
  public void close() {
    if (average != null) {
      average.close();
      average = null;
    }
  }
}
