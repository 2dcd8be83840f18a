package org.optibridge.optimizer;

import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import org.optibridge.vector.Vector;

/**
 * Scales the loss so that gradients of 16 bits do not vanish, and finds the scale by itself, with
 * the names, defaults and rules of {@code torch.amp.GradScaler}:
 *
 * <pre>{@code
 * GradientScaler scaler = new GradientScaler();
 * for (Batch batch : batches) {
 *   Vector gradients = backward(loss(batch) * scaler.scale()); // scaled, therefore
 *   scaler.step(optimizer, params, gradients);                 // unscales; skips if not finite
 *   scaler.update();
 * }
 * }</pre>
 *
 * <p>A step whose gradients hold a NaN or an infinite element is skipped: weights, state and rates
 * are as before. Then {@link #update()} multiplies the scale by {@code backoff_factor}; after
 * {@code growth_interval} updates in a row without such a step, by {@code growth_factor}.
 *
 * <p><b>Passes over memory.</b> Whether to skip must be known before anything is written, so a step
 * begins with one pass that only reads the gradients. Dividing them by the scale is part of the
 * optimizer's own sweep.
 *
 * <p>The scale is a float32, as in PyTorch. Unlike there, gradients of float16 are unscaled as
 * well, in float32. Not thread-safe.
 */
public final class GradientScaler {
  private static final String OWNER = "GradientScaler";
  private static final String INIT_SCALE = "init_scale";
  private static final String GROWTH_FACTOR = "growth_factor";
  private static final String BACKOFF_FACTOR = "backoff_factor";
  private static final String GROWTH_INTERVAL = "growth_interval";
  private static final String ENABLED = "enabled";
  private static final String SCALE = "scale";
  private static final String TRACKER = "_growth_tracker";

  private final double initScale;
  private final boolean enabled;
  private double growthFactor;
  private double backoffFactor;
  private long growthInterval;
  private float scale;
  private long growthTracker;

  // Since the last update.
  private boolean looked;
  private boolean found;
  private final Set<Object> stepped = Collections.newSetFromMap(new IdentityHashMap<>());

  /** A scaler with PyTorch's defaults: 65536, 2, 0.5 and 2000. */
  public GradientScaler() {
    this(65536, 2, 0.5, 2000);
  }

  /**
   * @param initScale the first scale; above 0
   * @param growthFactor above 1
   * @param backoffFactor above 0, below 1
   * @param growthInterval updates without a skipped step until the scale grows; at least 1
   * @throws IllegalArgumentException if one is out of range
   */
  public GradientScaler(
      double initScale, double growthFactor, double backoffFactor, long growthInterval) {
    this(initScale, growthFactor, backoffFactor, growthInterval, true);
  }

  private GradientScaler(
      double initScale,
      double growthFactor,
      double backoffFactor,
      long growthInterval,
      boolean enabled) {
    this.initScale = initScale;
    this.enabled = enabled;
    this.scale = requireScale(INIT_SCALE, initScale);
    set(growthFactor, backoffFactor, growthInterval);
  }

  private static float requireScale(String key, double value) {
    float narrow = (float) value;
    return (float) require(key, narrow > 0 && Float.isFinite(narrow), "a float32 above 0", narrow);
  }

  private static double require(String key, boolean good, String what, double value) {
    if (!good) {
      throw new IllegalArgumentException(
          OWNER + ": '" + key + "' must be " + what + ", not " + value);
    }
    return value;
  }

  private void set(double growth, double backoff, long interval) {
    require(GROWTH_FACTOR, growth > 1 && Double.isFinite(growth), "above 1", growth);
    require(BACKOFF_FACTOR, backoff > 0 && backoff < 1, "between 0 and 1", backoff);
    require(GROWTH_INTERVAL, interval >= 1, "at least 1", (double) interval);
    this.growthFactor = growth;
    this.backoffFactor = backoff;
    this.growthInterval = interval;
  }

  /**
   * @param config {@code init_scale}, {@code growth_factor}, {@code backoff_factor}, {@code
   *     growth_interval}, {@code enabled}; each may be missing. A scaler that is not enabled has
   *     the scale 1 and lets every step through
   * @return a scaler
   * @throws IllegalArgumentException if an entry is unknown, ill-typed or out of range
   */
  public static GradientScaler fromConfig(Map<String, Object> config) {
    return ConfigReader.read(
        OWNER,
        config,
        reader ->
            new GradientScaler(
                reader.number(INIT_SCALE, 65536),
                reader.number(GROWTH_FACTOR, 2),
                reader.number(BACKOFF_FACTOR, 0.5),
                reader.integer(GROWTH_INTERVAL, 2000),
                reader.flag(ENABLED, true)));
  }

  /** Returns what {@link #fromConfig} makes this scaler of, without its state. */
  public Map<String, Object> getConfig() {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put(INIT_SCALE, initScale);
    config.put(GROWTH_FACTOR, growthFactor);
    config.put(BACKOFF_FACTOR, backoffFactor);
    config.put(GROWTH_INTERVAL, growthInterval);
    config.put(ENABLED, enabled);
    return config;
  }

  /** Returns what to multiply the loss by. */
  public double scale() {
    return enabled ? scale : 1;
  }

  /**
   * @param outputs losses or other outputs, not of 16 bits
   * @return them, scaled: an expression
   */
  public Vector scale(Vector outputs) {
    return enabled ? outputs.times(scale) : outputs;
  }

  /**
   * Looks whether scaled gradients are finite, in one pass over them, which {@link #update()} goes
   * by, and divides them by the scale; for steps that {@link #step} does not cover. If {@link
   * #foundInf()} is true afterwards, leave the step out.
   *
   * @param gradients of the scaled loss, of any types; read only
   * @return the gradients of the loss, an expression in float32 where they have 16 bits
   */
  public Vector unscale(Vector gradients) {
    look(gradients);
    return unscaled(gradients);
  }

  private boolean look(Vector gradients) {
    if (!enabled) {
      return true;
    }
    boolean finite = gradients.allFinite();
    looked = true;
    found |= !finite;
    return finite;
  }

  private Vector unscaled(Vector gradients) {
    Vector computed = gradients.to(gradients.spec().computed());
    float factor = (float) (1 / scale());
    return factor == 1 ? computed : computed.times(factor);
  }

  /** Returns whether gradients since the last update were not finite. */
  public boolean foundInf() {
    return found;
  }

  /**
   * A step with gradients of the scaled loss, unless they are not finite.
   *
   * @param optimizer steps the weights
   * @param params not of 16 bits; see {@link Optimizer#step}
   * @param gradients of the scaled loss, with names and shapes of the weights, of 16 bits or of the
   *     types of the weights
   * @return whether the weights were stepped
   * @throws IllegalStateException if this optimizer was stepped since the last update
   */
  public boolean step(Optimizer optimizer, Vector params, Vector gradients) {
    return step(optimizer, gradients, unscaled -> optimizer.step(params, unscaled));
  }

  /**
   * A step with gradients of the scaled loss, unless they are not finite.
   *
   * @param optimizer steps the weights
   * @param weights with a 16-bit type; see {@link MixedPrecision#step}
   * @param gradients of the scaled loss, with names and shapes of the weights, of any types
   * @return whether the weights were stepped
   * @throws IllegalStateException if this optimizer was stepped since the last update
   */
  public boolean step(MixedPrecision optimizer, Vector weights, Vector gradients) {
    return step(optimizer, gradients, unscaled -> optimizer.step(weights, unscaled));
  }

  private boolean step(Object optimizer, Vector gradients, Predicate<Vector> step) {
    if (enabled && stepped.contains(optimizer)) {
      throw new IllegalStateException(
          OWNER + ": step was already called for " + optimizer + " since the last update()");
    }
    boolean done = look(gradients) && step.test(unscaled(gradients));
    if (enabled) {
      stepped.add(optimizer);
    }
    return done;
  }

  /**
   * Ends an iteration: lowers the scale if gradients since the last update were not finite, else
   * raises it if that has been so long enough.
   *
   * @throws IllegalStateException if no gradients were looked at since the last update
   * @throws ArithmeticException if the scale would become 0; it is left as it is
   */
  public void update() {
    if (!enabled) {
      return;
    }
    if (!looked) {
      throw new IllegalStateException(
          OWNER + ": no gradients since the last update(); call step or unscale first");
    }
    float lower = (float) (scale * backoffFactor);
    if (found && lower == 0) {
      throw new ArithmeticException(
          OWNER
              + ": the scale "
              + scale
              + " can't fall any more: the gradients are not finite whatever the scale");
    }
    if (found) {
      scale = lower;
      growthTracker = 0;
    } else if (++growthTracker == growthInterval) {
      float higher = (float) (scale * growthFactor);
      scale = Float.isFinite(higher) ? higher : scale;
      growthTracker = 0;
    }
    beginIteration();
  }

  /**
   * Ends an iteration with a new scale; the count of updates without a skipped step stays.
   *
   * @param newScale above 0
   * @throws IllegalArgumentException if it is out of range
   */
  public void update(double newScale) {
    if (!enabled) {
      return;
    }
    scale = requireScale(SCALE, newScale);
    beginIteration();
  }

  private void beginIteration() {
    looked = false;
    found = false;
    stepped.clear();
  }

  /**
   * @return a copy of the state under the names of PyTorch's {@code state_dict}: {@code scale},
   *     {@code growth_factor}, {@code backoff_factor}, {@code growth_interval}, {@code
   *     _growth_tracker}; nothing if the scaler is not enabled
   */
  public State getState() {
    State state = new State();
    if (enabled) {
      state.put(SCALE, scale).put(GROWTH_FACTOR, growthFactor).put(BACKOFF_FACTOR, backoffFactor);
      state.put(GROWTH_INTERVAL, (double) growthInterval);
      state.put(TRACKER, (double) growthTracker);
    }
    return state;
  }

  /**
   * @param state as {@link #getState()} returns it, between two iterations
   * @throws IllegalArgumentException if an entry is missing, unknown or out of range; the former
   *     state stays
   */
  public void setState(State state) {
    Set<String> needed =
        enabled ? Set.of(SCALE, GROWTH_FACTOR, BACKOFF_FACTOR, GROWTH_INTERVAL, TRACKER) : Set.of();
    if (!needed.equals(state.keys())) {
      throw new IllegalArgumentException(
          OWNER + ": the state has " + state.keys() + ", it needs just " + needed);
    }
    if (!enabled) {
      return;
    }
    float loaded = requireScale(SCALE, state.number(SCALE));
    double interval = state.number(GROWTH_INTERVAL);
    double tracker = state.number(TRACKER);
    require(GROWTH_INTERVAL, interval == Math.rint(interval), "a whole number", interval);
    require(TRACKER, tracker == Math.rint(tracker) && tracker >= 0, "a count", tracker);
    set(state.number(GROWTH_FACTOR), state.number(BACKOFF_FACTOR), (long) interval);
    scale = loaded;
    growthTracker = (long) tracker;
    beginIteration();
  }

  @Override
  public String toString() {
    return OWNER + " at " + scale();
  }
}
