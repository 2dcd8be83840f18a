package org.optibridge.tensorflow;

import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.optibridge.memory.NativeMemory;
import org.optibridge.optimizer.InPlaceModule;
import org.optibridge.optimizer.Require;
import org.optibridge.optimizer.SparseModule;
import org.optibridge.optimizer.State;
import org.optibridge.vector.Recording;
import org.optibridge.vector.SparseGradients;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorSpec;

/**
 * An optimizer of {@code keras.optimizers}, run by TensorFlow's kernels, as a module of a pipeline.
 *
 * <p><b>What it computes.</b> The step is taken at a learning rate of 1; what it would take off the
 * weights is the module's output, and the pipeline applies its own rate. A rate or schedule in
 * Keras's config is replaced by 1, as declearn does ({@link KerasOptimizer#learningRate()} keeps it
 * for whoever builds the pipeline). Three bindings:
 *
 * <ul>
 *   <li><i>direction</i>: variables of zeros are stepped;
 *   <li><i>parameter-aware direction</i>, if the step depends on the weights and they are known: a
 *       copy of the weights is stepped and the difference returned. It does for Ftrl, Lamb,
 *       Adafactor and ScheduleFreeAdamW, and wherever {@code weight_decay} is set; without weights
 *       the decay has nothing to act on;
 *   <li><i>in place</i>, if the module ends the pipeline: the weights are stepped at the pipeline's
 *       rate, with decay and averaging ({@code use_ema}) as in Keras. The rate is rounded to
 *       float32, in which Keras keeps it.
 * </ul>
 *
 * <p><b>Native symbols.</b> {@code ResourceApplyGradientDescent}, {@code KerasMomentum}, {@code
 * Adam}, {@code AdamWithAmsgrad}, {@code AdaMax}, {@code Adadelta}, {@code RMSProp}, {@code
 * CenteredRMSProp}, {@code FtrlV2}; Adagrad, Nadam, Lion, Lamb, Adafactor, Muon and
 * ScheduleFreeAdamW, which have no kernel of Keras's meaning, are one function of TensorFlow
 * operations each. What comes before the step (loss scale, accumulation, clipping, decay) and after
 * it (averaging) is vector arithmetic.
 *
 * <p><b>Memory.</b> TensorFlow steps variables of its own only. Weights made by {@link
 * #allocateWeights} are such variables and are stepped where they are; any others are copied to
 * variables and back at each step in place, which {@link NativeMemory#copiedBytes()} counts.
 * Gradients are read where they are if their addresses are multiples of 64, as all memory allocated
 * here is; one that is not is copied at each step, and counted. State lives in variables of this
 * module. On another device than the host ({@link TensorflowRuntime#setDevice}) gradients, weights
 * and results are copied at each step.
 *
 * <p><b>State</b> is made at the first step for the names and shapes seen there; later steps need
 * the same until {@link #reset()}. Slots have Keras's names and the parameters' dtype; {@code
 * iterations} counts calls. Gradients may be of some of the weights only: the others are left
 * alone, as in Keras.
 *
 * <p><b>Aliasing.</b> Gradients are bound by address and held until others take their place. The
 * output of {@link #run} refers to memory of this module and is valid until its next call.
 */
public final class TensorflowOptiModule implements InPlaceModule, SparseModule {
  /** The registered name. */
  public static final String NAME = "tensorflow-optim";

  private static final String OPTIM = "optim";
  private static final String EXCLUDED = "exclude_from_weight_decay";

  private final KerasOptimizer optimizer;
  private final TensorflowHandle handle;
  private final GradientPreparation preparation;
  private final WeightRules rules;
  private final DynamicLossScale lossScale;
  private final boolean readsWeights;
  private final TensorflowMemory memory;
  private long calls;

  private TensorflowOptiModule(KerasOptimizer optimizer) {
    this.optimizer = optimizer;
    this.preparation = new GradientPreparation(optimizer);
    this.rules = new WeightRules(optimizer);
    this.lossScale = new DynamicLossScale(optimizer.lossScale());
    this.readsWeights = optimizer.spec().readsWeights() || rules.decays();
    String device = TensorflowRuntime.existingDevice();
    this.handle = TensorflowHandle.create(optimizer);
    this.memory = new TensorflowMemory(handle, device);
  }

  /**
   * @param optimizer a name such as {@code "adam"} or {@code "keras.optimizers.Adam"}, a Keras
   *     config as a JSON text, or a SavedModel ({@link TensorflowImport})
   * @return a module
   * @throws IllegalArgumentException if it is unknown or can't be read
   */
  public static TensorflowOptiModule of(String optimizer) {
    if (optimizer.stripLeading().startsWith("{")) {
      return of(KerasOptimizer.fromJson(optimizer));
    }
    return of(optimizer, Map.of());
  }

  /**
   * @param optimizer a name such as {@code "adam"}, or a SavedModel ({@link TensorflowImport})
   * @param options keyword arguments as Keras names them; null is None
   * @return a module
   * @throws IllegalArgumentException if the name is unknown or an option unknown, ill-typed or out
   *     of range
   */
  public static TensorflowOptiModule of(String optimizer, Map<String, ?> options) {
    TensorflowImports.requireNoClass(optimizer);
    return of(KerasOptimizer.of(optimizer, options));
  }

  /**
   * @param optimizer which one, with its options
   * @return a module
   */
  public static TensorflowOptiModule of(KerasOptimizer optimizer) {
    return new TensorflowOptiModule(optimizer);
  }

  /**
   * @param config as {@link #getConfig()} returns it, or as declearn writes it: {@code optim},
   *     which is what {@code keras.optimizers.serialize} returns or a name; beyond declearn, {@code
   *     exclude_from_weight_decay}, a list of regular expressions
   * @return a module without state
   * @throws IllegalArgumentException if something is missing, unknown or out of range
   */
  public static TensorflowOptiModule fromConfig(Map<String, Object> config) {
    requireKnownEntries(config);
    KerasOptimizer optimizer = KerasOptimizer.from(config.get(OPTIM));
    if (config.containsKey(EXCLUDED)) {
      if (!(config.get(EXCLUDED) instanceof List<?> texts)) {
        throw new IllegalArgumentException(
            "'" + EXCLUDED + "' must be a list of regular expressions");
      }
      optimizer = optimizer.excludingFromWeightDecay(texts.stream().map(String::valueOf).toList());
    }
    return of(optimizer);
  }

  static void requireKnownEntries(Map<String, Object> config) {
    for (String key : config.keySet()) {
      if (!Set.of(OPTIM, EXCLUDED).contains(key)) {
        throw new IllegalArgumentException(
            "Unknown entry '"
                + key
                + "' of a tensorflow-optim config; known: "
                + OPTIM
                + ", "
                + EXCLUDED);
      }
    }
  }

  @Override
  public String name() {
    return NAME;
  }

  /** Returns which optimizer this is, with its options. */
  public KerasOptimizer optimizer() {
    return optimizer;
  }

  @Override
  public Map<String, Object> getConfig() {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put(OPTIM, optimizer.toConfig());
    if (!optimizer.excludedFromWeightDecay().isEmpty()) {
      config.put(EXCLUDED, optimizer.excludedFromWeightDecay());
    }
    return config;
  }

  /**
   * Weights of zeros in TensorFlow's memory, which this module steps in place without a copy.
   *
   * @param spec names, dtypes, shapes; all on the CPU
   * @return the weights, to be closed by the caller after the last step
   * @throws UnsupportedOperationException if this module computes on another device than the host
   */
  public TensorflowVariables allocateWeights(VectorSpec spec) {
    if (!memory.onHost()) {
      throw new UnsupportedOperationException(
          "Weights can be variables on the host only; this module computes on " + memory.device());
    }
    return TensorflowVariables.allocate(spec, handle.layout(), memory.device());
  }

  /** Returns where this module computes, as {@code "CPU:0"}; see {@link TensorflowRuntime}. */
  public String device() {
    return memory.device();
  }

  /** Returns how often the weights were stepped; calls that only accumulate do not count. */
  public long iterations() {
    return calls / preparation.every();
  }

  /**
   * {@inheritDoc} Weights without a gradient are left alone with their state; the step counts for
   * all, as in Keras.
   */
  @Override
  public void beforePartialStep(VectorSpec weights) {
    memory.weightsAre(weights);
  }

  @Override
  public @Nullable Vector run(Vector gradients, @Nullable Vector params) {
    handle.acquireExclusive();
    try {
      if (rules.averages()) {
        throw new UnsupportedOperationException(
            optimizer.spec().qualifiedName()
                + ": 'use_ema' averages the weights, so the module must be the last of the pipeline,"
                + " without a weight decay of the pipeline's");
      }
      VectorSpec spec = gradients.spec();
      memory.requireSpec(spec);
      Vector unscaled = lossScale.admit(gradients);
      if (unscaled == null) {
        return null;
      }
      Vector weights = readsWeights ? params : null;
      if (!preparation.isStep(calls)) {
        preparation.accumulate(unscaled, memory.weightsOf(spec));
        Vector nothing = memory.workOf(spec);
        nothing.fill(0);
        countCall();
        return nothing;
      }
      Vector prepared = preparation.prepare(unscaled, memory.weightsOf(spec));
      Vector ready = memory.arrange(prepared, null, weights);
      Vector stepped = memory.workOf(spec);
      if (weights == null) {
        stepped.fill(0);
      } else {
        stepped.assign(rules.decayed(weights, 1));
      }
      step(memory.work(spec), ready, 1);
      return weights == null ? stepped.negate() : weights.minus(stepped);
    } finally {
      memory.callIsOver();
      handle.release();
    }
  }

  @Override
  public void stepInPlace(Vector params, Vector gradients, double learningRate) {
    double rate = rate(learningRate);
    if (params == gradients) {
      throw new IllegalArgumentException("The parameters and the gradients are the same vector");
    }
    requireMemory(params);
    handle.acquireExclusive();
    try {
      stepDense(params, gradients, rate);
    } finally {
      memory.callIsOver();
      handle.release();
    }
  }

  /** As Keras keeps it. */
  private static double rate(double learningRate) {
    if (!Double.isFinite(learningRate)) {
      throw new IllegalArgumentException("The learning rate is " + learningRate);
    }
    return (float) learningRate;
  }

  private static void requireMemory(Vector params) {
    if (!params.isStored()) {
      throw new IllegalArgumentException(
          "The parameters are an expression; only memory can be stepped");
    }
  }

  private void stepDense(Vector params, Vector gradients, double rate) {
    VectorSpec spec = gradients.spec();
    memory.requireSpec(spec);
    params.spec().requireSame(spec, "the parameters", "the gradients");
    VectorSpec all = memory.weightsOf(spec);
    if (rules.averages() && !all.equals(spec)) {
      throw new IllegalArgumentException(
          optimizer.spec().qualifiedName()
              + ": 'use_ema' averages all weights at every step; there are gradients of "
              + spec.names()
              + " only. Give zeros for the others");
    }
    Vector unscaled = lossScale.admit(gradients);
    if (unscaled == null) {
      return;
    }
    long iteration = iterations();
    if (preparation.isStep(calls)) {
      TensorflowVariables home = memory.home(params);
      Vector ready = memory.arrange(preparation.prepare(unscaled, all), home, params);
      if (home == null) {
        Vector copy = memory.workOf(spec);
        copy.assign(rules.decayed(params, rate));
        step(memory.work(spec), ready, rate);
        params.assign(copy);
        NativeMemory.countCopy(2 * spec.bytes());
      } else {
        if (rules.decays()) {
          params.assign(rules.decayed(params, rate));
        }
        step(home, ready, rate);
      }
    } else {
      preparation.accumulate(unscaled, all);
      countCall();
    }
    rules.average(params, iteration);
  }

  private void step(TensorflowVariables params, Vector gradients, double rate) {
    memory.step(params, gradients, rate, iterations() + 1);
    countCall();
    preparation.stepDone();
  }

  // ---- sparse gradients ------------------------------------------------------------------------

  /** Returns null: every optimizer of Keras takes sparse gradients. */
  @Override
  public @Nullable String sparseRefusal() {
    return null;
  }

  /**
   * {@inheritDoc}
   *
   * <p>The result is Keras's: state is dense, and rows without a gradient are stepped as by a
   * gradient of zeros. Rows named more than once count as their sum, which is stepped once. For
   * {@code SGD} without momentum and {@code Adagrad}, without clipping, accumulation, decay and
   * averaging, such rows stay as they are, so only those with a gradient are gathered, stepped and
   * written back, at a cost that grows with them, in whatever memory the weights are; what is
   * copied is counted. Everything else moves all rows, so the gradient is laid out in a tensor of
   * zeros that this module keeps.
   */
  @Override
  public void stepSparseInPlace(Vector params, SparseGradients gradients, double learningRate) {
    double rate = rate(learningRate);
    requireMemory(params);
    VectorSpec spec = params.spec();
    gradients.requireFor(spec);
    handle.acquireExclusive();
    try {
      memory.requireSpec(spec);
      boolean plain =
          preparation.isPlain() && lossScale.isPlain() && !rules.decays() && !rules.averages();
      if (handle.rowsAreEnough && plain && memory.onHost()) {
        memory.stepRows(params, gradients, rate, iterations() + 1);
        countCall();
        return;
      }
      Vector dense = memory.zeros(spec);
      gradients.addTo(dense, 1);
      try {
        stepDense(params, dense, rate);
        // Nothing may read the gradients later on.
        Recording.flush();
      } finally {
        gradients.clearIn(dense);
      }
    } finally {
      memory.callIsOver();
      handle.release();
    }
  }

  // ---- state -----------------------------------------------------------------------------------
  /** Whether gradients that were not finite ended the last call. */
  @Override
  public boolean skippedStep() {
    return lossScale.skipped();
  }

  /**
   * Returns what to multiply the loss by: of {@code LossScaleOptimizer} the scale found so far,
   * else {@code loss_scale_factor}, or 1 without one.
   */
  public double lossScale() {
    double fixed = optimizer.number("loss_scale_factor");
    return fixed == 0 ? lossScale.scale() : fixed;
  }

  private void countCall() {
    calls++;
    lossScale.count();
  }

  /**
   * Makes the weights their average, as Keras does at the end of a training with {@code use_ema};
   * without it, or before the first step, does nothing.
   *
   * @param params the weights, written in place
   */
  public void finalizeWeights(Vector params) {
    handle.acquireExclusive();
    try {
      rules.overwrite(params);
    } finally {
      handle.release();
    }
  }

  @Override
  public void reset() {
    handle.acquireExclusive();
    try {
      restart(null, TensorflowRuntime.existingDevice());
    } finally {
      handle.release();
    }
  }

  private void restart(@Nullable TensorflowSlots state, String device) {
    memory.replace(state, device);
    calls = 0;
    preparation.close();
    rules.close();
    lossScale.reset();
  }

  @Override
  public State getState() {
    handle.acquireExclusive();
    try {
      State state = new State().put("optim_cls", optimizer.spec().qualifiedName());
      state.put("iterations", (double) calls);
      TensorflowSlots slots = memory.slots();
      if (slots != null) {
        state.put("specs", slots.spec()).put("slots", slots.copy());
      }
      preparation.addTo(state);
      rules.addTo(state);
      lossScale.addTo(state);
      return state;
    } finally {
      handle.release();
    }
  }

  @Override
  public void setState(State state) {
    handle.acquireExclusive();
    try {
      String cls = state.text("optim_cls");
      if (!cls.equals(optimizer.spec().qualifiedName())) {
        throw new IllegalArgumentException(
            "A state of " + cls + " can't be loaded into " + optimizer.spec().qualifiedName());
      }
      long count = Require.savedCount(cls, state, "iterations");
      boolean started = state.has("slots");
      Set<String> known = new LinkedHashSet<>(List.of("optim_cls", "iterations"));
      if (started) {
        known.addAll(List.of("specs", "slots"));
      }
      Vector sum = vector(state, GradientPreparation.ACCUMULATOR, known);
      Vector average = vector(state, WeightRules.AVERAGE, known);
      lossScale.check(state, known);
      if (!known.equals(state.keys())) {
        throw new IllegalArgumentException(
            cls + ": the state has " + state.keys() + ", it needs just " + known);
      }
      String device = TensorflowRuntime.existingDevice();
      TensorflowSlots next = null;
      if (started) {
        VectorSpec spec = state.spec("specs");
        TensorflowSlots.check(handle, spec, state.state("slots"));
        next = TensorflowSlots.copyOf(handle, spec, handle.layout(), device, state.state("slots"));
      }
      restart(next, device);
      calls = count;
      preparation.restore(sum);
      rules.restore(average);
      lossScale.restore(state);
    } finally {
      handle.release();
    }
  }

  private static @Nullable Vector vector(State state, String key, Set<String> known) {
    if (!state.has(key)) {
      return null;
    }
    known.add(key);
    return state.vector(key);
  }

  @Override
  public void close() {
    handle.close();
    restart(null, memory.device());
  }

  @Override
  public String toString() {
    return optimizer.toString();
  }
}
