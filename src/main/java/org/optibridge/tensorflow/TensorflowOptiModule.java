package org.optibridge.tensorflow;

import static java.util.Objects.requireNonNull;

import java.lang.ref.Reference;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.optibridge.memory.NativeMemory;
import org.optibridge.memory.NativeStatus;
import org.optibridge.optimizer.InPlaceModule;
import org.optibridge.optimizer.State;
import org.optibridge.tensorflow.TensorflowVariables.Layout;
import org.optibridge.vector.Recording;
import org.optibridge.vector.TensorSpec;
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
 * CenteredRMSProp}, {@code FtrlV2}; Adagrad, Nadam, Lion, Lamb, Adafactor and ScheduleFreeAdamW,
 * which have no kernel of Keras's meaning, are one function of TensorFlow operations each. What
 * comes before the step (loss scale, accumulation, clipping, decay) and after it (averaging) is
 * vector arithmetic.
 *
 * <p><b>Memory.</b> TensorFlow steps variables of its own only. Weights made by {@link
 * #allocateWeights} are such variables and are stepped where they are; any others are copied to
 * variables and back at each step in place, which {@link NativeMemory#copiedBytes()} counts.
 * Gradients are read where they are if their addresses are multiples of 64, as all memory allocated
 * here is; one that is not is copied at each step, and counted. State lives in variables of this
 * module.
 *
 * <p><b>State</b> is made at the first step for the names and shapes seen there; later steps need
 * the same until {@link #reset()}. Slots have Keras's names and the parameters' dtype; {@code
 * iterations} counts calls.
 *
 * <p><b>Aliasing.</b> Gradients are bound by address and held until others take their place. The
 * output of {@link #run} refers to memory of this module and is valid until its next call.
 */
public final class TensorflowOptiModule implements InPlaceModule {
  /** The registered name. */
  public static final String NAME = "tensorflow-optim";

  private static final String OPTIM = "optim";
  private static final String EXCLUDED = "exclude_from_weight_decay";

  private final KerasOptimizer optimizer;
  private final TensorflowHandle handle;
  private final GradientPreparation preparation;
  private final WeightRules rules;
  private final boolean readsWeights;

  private long calls;
  private @Nullable TensorflowSlots slots;
  // What is stepped if not the weights themselves, and gradients that had to be computed first.
  private @Nullable TensorflowVariables work;
  private @Nullable Vector input;
  // What the native side is bound to; the same at the next step keeps it.
  private @Nullable TensorflowVariables boundParams;
  private @Nullable Vector boundGradients;

  private TensorflowOptiModule(KerasOptimizer optimizer) {
    this.optimizer = optimizer;
    this.preparation = new GradientPreparation(optimizer);
    this.rules = new WeightRules(optimizer);
    this.readsWeights = optimizer.spec().readsWeights() || rules.decays();
    this.handle = TensorflowHandle.create(optimizer);
  }

  /**
   * @param optimizer a name such as {@code "adam"} or {@code "keras.optimizers.Adam"}, or a Keras
   *     config as a JSON text
   * @return a module
   * @throws IllegalArgumentException if it is unknown or can't be read
   */
  public static TensorflowOptiModule of(String optimizer) {
    if (!optimizer.stripLeading().startsWith("{")) {
      TensorflowImports.requireNoClass(optimizer);
    }
    return of(KerasOptimizer.from(optimizer));
  }

  /**
   * @param optimizer a name such as {@code "adam"}
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
   *     exclude_from_weight_decay}, a list of texts
   * @return a module without state
   * @throws IllegalArgumentException if something is missing, unknown or out of range
   */
  public static TensorflowOptiModule fromConfig(Map<String, Object> config) {
    requireKnownEntries(config);
    KerasOptimizer optimizer = KerasOptimizer.from(config.get(OPTIM));
    if (config.containsKey(EXCLUDED)) {
      if (!(config.get(EXCLUDED) instanceof List<?> texts)) {
        throw new IllegalArgumentException("'" + EXCLUDED + "' must be a list of texts");
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
   */
  public TensorflowVariables allocateWeights(VectorSpec spec) {
    return TensorflowVariables.allocate(spec, handle.elementwise ? Layout.MERGED : Layout.SHAPED);
  }

  /** Returns how often the weights were stepped; calls that only accumulate do not count. */
  public long iterations() {
    return calls / preparation.every();
  }

  @Override
  public Vector run(Vector gradients, @Nullable Vector params) {
    handle.acquireExclusive();
    try {
      if (rules.averages()) {
        throw new UnsupportedOperationException(
            optimizer.spec().qualifiedName()
                + ": 'use_ema' averages the weights, so the module must be the last of the pipeline,"
                + " without a weight decay of the pipeline's");
      }
      requireSpec(gradients.spec());
      Vector weights = readsWeights ? params : null;
      if (!preparation.isStep(calls)) {
        preparation.accumulate(gradients);
        Vector nothing = workFor(gradients.spec(), currentLayout()).vector();
        nothing.fill(0);
        calls++;
        return nothing;
      }
      Vector ready = arrange(preparation.prepare(gradients), null, weights);
      TensorflowVariables stepped = workFor(ready.spec(), requireNonNull(slots).layout());
      if (weights == null) {
        stepped.vector().fill(0);
      } else {
        stepped.vector().assign(rules.decayed(weights, 1));
      }
      step(stepped, ready, 1);
      return weights == null ? stepped.vector().negate() : weights.minus(stepped.vector());
    } finally {
      handle.release();
    }
  }

  @Override
  public void stepInPlace(Vector params, Vector gradients, double learningRate) {
    if (!Double.isFinite(learningRate)) {
      throw new IllegalArgumentException("The learning rate is " + learningRate);
    }
    double rate = (float) learningRate;
    handle.acquireExclusive();
    try {
      requireSpec(gradients.spec());
      params.spec().requireSame(gradients.spec(), "the parameters", "the gradients");
      long iteration = iterations();
      if (preparation.isStep(calls)) {
        TensorflowVariables home = TensorflowVariables.of(params);
        if (home != null && !handle.elementwise && home.layout() != Layout.SHAPED) {
          home = null;
        }
        Vector ready = arrange(preparation.prepare(gradients), home, params);
        if (home == null) {
          TensorflowVariables copy = workFor(params.spec(), requireNonNull(slots).layout());
          copy.vector().assign(rules.decayed(params, rate));
          step(copy, ready, rate);
          params.assign(copy.vector());
          NativeMemory.countCopy(2 * bytes(params.spec()));
        } else {
          if (rules.decays()) {
            params.assign(rules.decayed(params, rate));
          }
          step(home, ready, rate);
        }
      } else {
        preparation.accumulate(gradients);
        calls++;
      }
      rules.average(params, iteration);
    } finally {
      handle.release();
    }
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

  private static long bytes(VectorSpec spec) {
    return spec.tensors().stream().mapToLong(TensorSpec::bytes).sum();
  }

  private void requireSpec(VectorSpec gradients) {
    TensorflowSlots state = slots;
    if (state != null) {
      state.spec().requireSame(gradients, "the stored state", "the gradients");
    }
  }

  /** The layout where there are no slots yet to go by. */
  private Layout currentLayout() {
    TensorflowSlots state = slots;
    if (state != null) {
      return state.layout();
    }
    return handle.elementwise ? Layout.MERGED : Layout.SHAPED;
  }

  private TensorflowVariables workFor(VectorSpec spec, Layout layout) {
    TensorflowVariables variables = work;
    if (variables == null || variables.layout() != layout) {
      if (variables != null) {
        unbind();
        variables.close();
      }
      variables = TensorflowVariables.allocate(spec, layout);
      work = variables;
    }
    return variables;
  }

  /**
   * Stores gradients that are not in memory, and sees to it that they, the slots and the weights
   * lie alike.
   *
   * @param home the weights, if they are variables
   * @param start what a slot may start as
   */
  private Vector arrange(
      Vector gradients, @Nullable TensorflowVariables home, @Nullable Vector start) {
    if (gradients == boundGradients && home != null && home == boundParams) {
      return gradients;
    }
    Vector stored = gradients.isStored() ? gradients : copied(gradients);
    boolean merged = handle.elementwise;
    if (home != null) {
      merged &= home.layout() == Layout.MERGED;
      if (merged && !TensorflowVariables.liesMerged(stored)) {
        NativeMemory.countCopy(bytes(stored.spec()));
        stored = copied(stored);
      }
    } else {
      merged &=
          (slots != null && stored == boundGradients)
              ? slots.layout() == Layout.MERGED
              : TensorflowVariables.liesMerged(stored);
    }
    Layout wanted = !handle.elementwise ? Layout.SHAPED : merged ? Layout.MERGED : Layout.FLAT;
    TensorflowSlots state = slots;
    if (state == null) {
      TensorflowSlots made = TensorflowSlots.initial(handle, stored.spec(), wanted, start);
      slots = made;
      // A step that failed was none: the next one may be of other shapes.
      Recording.onRollBack(
          () -> {
            if (slots == made) {
              forget();
            }
          });
    } else if ((state.layout() == Layout.MERGED) != (wanted == Layout.MERGED)) {
      unbind();
      slots = state.in(wanted);
      Recording.flush();
      state.close();
    }
    return stored;
  }

  /** Gradients computed or copied into this module's memory. */
  private Vector copied(Vector gradients) {
    Vector memory = input;
    if (memory == null) {
      memory = Vector.allocate(gradients.spec());
      input = memory;
    }
    memory.assign(gradients);
    return memory;
  }

  private void step(TensorflowVariables params, Vector gradients, double rate) {
    Vector weights = params.vector();
    weights.beginWrite();
    try {
      gradients.beginRead();
      try {
        bind(params, gradients);
        NativeStatus.check(TensorflowLibrary.ob_tf_step(handle.address, rate, iterations() + 1));
      } finally {
        gradients.endUse();
      }
    } finally {
      weights.endUse();
      Reference.reachabilityFence(params);
      Reference.reachabilityFence(gradients);
      Reference.reachabilityFence(slots);
    }
    calls++;
    preparation.stepDone();
  }

  private void bind(TensorflowVariables params, Vector gradients) {
    if (params == boundParams && gradients == boundGradients) {
      return;
    }
    unbind();
    TensorflowSlots state = requireNonNull(slots);
    NativeStatus.check(
        TensorflowLibrary.ob_tf_bind(
            handle.address,
            params.address(),
            state.addresses(),
            handle.slots.size(),
            gradients.nativeTable(),
            gradients.spec().size()));
    boundParams = params;
    boundGradients = gradients;
  }

  private void unbind() {
    boundParams = null;
    boundGradients = null;
  }

  @Override
  public void reset() {
    handle.acquireExclusive();
    try {
      forget();
    } finally {
      handle.release();
    }
  }

  private void forget() {
    unbind();
    calls = 0;
    if (slots != null) {
      slots.close();
      slots = null;
    }
    if (work != null) {
      work.close();
      work = null;
    }
    if (input != null) {
      input.close();
      input = null;
    }
    preparation.close();
    rules.close();
  }

  @Override
  public State getState() {
    handle.acquireExclusive();
    try {
      State state = new State().put("optim_cls", optimizer.spec().qualifiedName());
      state.put("iterations", (double) calls);
      if (slots != null) {
        state.put("specs", slots.spec()).put("slots", slots.copy());
      }
      preparation.addTo(state);
      rules.addTo(state);
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
      double count = state.number("iterations");
      if (count < 0 || count != Math.rint(count) || count > 1L << 53) {
        throw new IllegalArgumentException(
            cls + ": 'iterations' of the state is " + count + ", not a count");
      }
      boolean started = state.has("slots");
      Set<String> known = new LinkedHashSet<>(List.of("optim_cls", "iterations"));
      if (started) {
        known.addAll(List.of("specs", "slots"));
      }
      Vector sum = vector(state, GradientPreparation.ACCUMULATOR, known);
      Vector average = vector(state, WeightRules.AVERAGE, known);
      if (!known.equals(state.keys())) {
        throw new IllegalArgumentException(
            cls + ": the state has " + state.keys() + ", it needs just " + known);
      }
      TensorflowSlots next = null;
      if (started) {
        VectorSpec spec = state.spec("specs");
        TensorflowSlots.check(handle, spec, state.state("slots"));
        next =
            TensorflowSlots.copyOf(
                handle,
                spec,
                handle.elementwise ? Layout.MERGED : Layout.SHAPED,
                state.state("slots"));
      }
      forget();
      slots = next;
      calls = (long) count;
      preparation.restore(sum);
      rules.restore(average);
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
    forget();
  }

  @Override
  public String toString() {
    return optimizer.toString();
  }
}
