package org.optibridge.torch;

import static java.util.Objects.requireNonNull;

import java.lang.System.Logger.Level;
import java.lang.ref.Reference;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.optibridge.memory.NativeStatus;
import org.optibridge.optimizer.InPlaceModule;
import org.optibridge.optimizer.State;
import org.optibridge.torch.TorchBinding.Extent;
import org.optibridge.torch.TorchBinding.Kind;
import org.optibridge.vector.BlockKernel;
import org.optibridge.vector.Recording;
import org.optibridge.vector.Selection;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorSpec;

/**
 * An optimizer of {@code torch.optim}, or one that timm, pytorch_optimizer or schedulefree define,
 * run by libtorch, as a module of a pipeline.
 *
 * <p><b>What it computes.</b> libtorch steps at a learning rate of 1; what the step would take off
 * the weights is the module's output, and the pipeline applies its own rate. Three bindings have
 * that one meaning:
 *
 * <ul>
 *   <li><i>direction</i>: gradients bound by address, an artificial parameter of zeros is stepped;
 *   <li><i>parameter-aware direction</i>, if the step depends on the weights and they are known: a
 *       copy of the weights is stepped and the difference returned. It does if {@code weight_decay}
 *       is not 0, and for ASGD, Adafactor, LAMB, LARS and the schedule-free optimizers always.
 *       Without weights the decay has nothing to act on, Adafactor's relative step is its least,
 *       {@code eps[1]}, trust ratios are 1, and the schedule-free take every step from weights of
 *       zero, which is of little use;
 *   <li><i>in place</i>, if the module ends the pipeline: the weights themselves are stepped at the
 *       pipeline's rate, without a copy or another pass.
 * </ul>
 *
 * <p><b>Rates that are no factor.</b> ASGD, Rprop and Adafactor do more with their learning rate
 * than multiply by it: ASGD's falls, Rprop's is where its step sizes start, Adafactor's is a bound.
 * In place they get the pipeline's rate and do what PyTorch does; otherwise they get 1, and the
 * pipeline multiplies what comes out, as declearn does.
 *
 * <p>So does LARS with {@code trust_clip}, and so do decays that are no multiple of the rate:
 * Adan's division by {@code 1 + lr * weight_decay}, {@code corrected_weight_decay}, {@code
 * fixed_decay}.
 *
 * <p><b>Schedule-free.</b> The weights that are stepped lie between those to evaluate and another
 * sequence, which the state keeps and steps at the learning rate the optimizer itself gets. So put
 * the module last, without a weight decay of the pipeline: in place all of them have the pipeline's
 * rate, as in Python. Elsewhere the output is the difference of the weights before and after a step
 * at rate 1; then the pipeline's rate should be 1 too, lest weights and state part. {@link
 * #evalWeights} and {@link #trainWeights} do what {@code eval} and {@code train} do in Python.
 *
 * <p><b>Native symbols.</b> {@code at::_fused_adam_}, {@code _fused_adamw_}, {@code _fused_sgd_},
 * {@code _fused_adagrad_} by default; with {@code fused=false}, and for RMSprop always, the step of
 * {@code torch::optim}'s own class. Both agree up to the last bits of a float. The others exist in
 * Python only; here they are classes of {@code torch::optim}'s kind made of libtorch's tensor
 * operations.
 *
 * <p><b>State</b> (moments, step counts) is native memory of this module, made at the first step
 * for the names and shapes seen there; later steps need the same until {@link #reset()}. Slots have
 * the names and shapes they have in Python, and the dtype of the parameters; {@code step}, {@code
 * mu_product}, {@code eta} and {@code mu} are float32 scalars. Adafactor keeps {@code row_var} and
 * {@code col_var} for tensors of two or more dimensions and {@code variance} for others; a slot
 * that a tensor does not have is there without elements.
 *
 * <p><b>Aliasing.</b> Gradients and weights are bound by address and held until others take their
 * place. The output of {@link #run} refers to memory of this module and is valid until its next
 * call.
 */
public final class TorchOptiModule implements InPlaceModule {
  /** The registered name. */
  public static final String NAME = "torch-optim";

  // Elements of a tensor, on average, from which a call of a kernel for each is worth it.
  private static final long BLOCK_WORTH = 16384;

  private static final System.Logger LOGGER = System.getLogger("org.optibridge.torch");

  // Of a state: which weights there are.
  private static final String WEIGHTS = "weights";
  private static final String EVAL = "eval";
  private static final String TRAIN = "train";

  private final TorchOptimizerSpec spec;
  private final boolean fused;
  // Has the options as well.
  private final TorchHandle handle;

  private @Nullable TorchSlots slots;
  // The artificial parameter, and gradients that had to be computed first.
  private @Nullable Vector direction;
  private @Nullable Vector input;
  // The last step that was to be an instruction of a sweep.
  private @Nullable TorchBlockKernel pending;
  // What the native views point at; equal vectors at the next step keep them.
  private @Nullable Vector boundParams;
  private @Nullable Vector boundGradients;
  // All weights, where the next call is about some of them.
  private @Nullable VectorSpec all;
  private final Selection selection = new Selection();
  private volatile @Nullable TorchBinding binding;
  // The learning rate of the last step, for the state.
  private double lastRate = 1;

  // Whether the weights are those to evaluate, which are not to be stepped.
  private boolean evaluating;

  TorchOptiModule(TorchOptions options) {
    this.spec = options.spec();
    this.fused = options.isFused();
    this.handle = TorchHandle.create(options);
  }

  /**
   * @param optimizer {@code "Adam"} or {@code "torch.optim.Adam"}
   * @return a module with PyTorch's default options
   * @throws IllegalArgumentException if the name is unknown
   */
  public static TorchOptiModule of(String optimizer) {
    return of(optimizer, Map.of());
  }

  /**
   * @param optimizer {@code "Adam"} or {@code "torch.optim.Adam"}
   * @param kwargs options as Python names them; {@code betas} is a list of two numbers, None is
   *     null; {@code fused=false} selects the plain step
   * @return a module
   * @throws IllegalArgumentException if the name is unknown or an option unknown, ill-typed or out
   *     of range
   */
  public static TorchOptiModule of(String optimizer, Map<String, Object> kwargs) {
    return builder(optimizer).options(kwargs).build();
  }

  /**
   * For options that differ by tensor:
   *
   * <pre>{@code
   * TorchOptiModule.builder("AdamW")
   *     .option("weight_decay", 0.1)
   *     .group(TensorFilter.including("*.bias", "*norm*"), Map.of("weight_decay", 0.0))
   *     .build()
   * }</pre>
   *
   * @param optimizer {@code "Adam"} or {@code "torch.optim.Adam"}
   * @return a builder, with PyTorch's default options
   * @throws IllegalArgumentException if the name is unknown
   */
  public static TorchOptiModuleBuilder builder(String optimizer) {
    TorchImports.requireNoClass(optimizer);
    return new TorchOptiModuleBuilder(TorchOptimizers.get(optimizer));
  }

  /**
   * @param config as {@link #getConfig()} returns it, or as declearn writes it: {@code optim_cls}
   *     and {@code kwargs}; beyond declearn {@code groups}, a list of objects, each with the
   *     entries of a {@link org.optibridge.optimizer.TensorFilter} and {@code kwargs}
   * @return a module without state
   * @throws IllegalArgumentException if something is missing, unknown or out of range
   */
  @SuppressWarnings("unchecked") // JSON objects have text keys
  public static TorchOptiModule fromConfig(Map<String, Object> config) {
    requireKnownEntries(config);
    if (!(config.get("optim_cls") instanceof String name)) {
      throw new IllegalArgumentException("A torch-optim config needs a text 'optim_cls'");
    }
    Object kwargs = config.getOrDefault("kwargs", Map.of());
    if (!(kwargs instanceof Map<?, ?> options)) {
      throw new IllegalArgumentException("'kwargs' of a torch-optim config must be an object");
    }
    TorchImports.requireNoClass(name);
    return new TorchOptiModule(
        TorchOptions.of(
            TorchOptimizers.get(name),
            (Map<String, Object>) options,
            TorchOptions.groups(config.get("groups"))));
  }

  static void requireKnownEntries(Map<String, Object> config) {
    for (String key : config.keySet()) {
      if (!Set.of("optim_cls", "kwargs", "groups").contains(key)) {
        throw new IllegalArgumentException(
            "Unknown entry '"
                + key
                + "' of a torch-optim config; known: optim_cls, kwargs, groups");
      }
    }
  }

  @Override
  public String name() {
    return NAME;
  }

  /** Returns which optimizer this is. */
  public TorchOptimizerSpec spec() {
    return spec;
  }

  /** Returns whether a fused kernel does the step. */
  public boolean isFused() {
    return fused;
  }

  @Override
  public Map<String, Object> getConfig() {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("optim_cls", spec.qualifiedName());
    handle.options().addTo(config);
    return config;
  }

  /**
   * Turns weights in place into those to evaluate. Schedule-free optimizers step weights other than
   * these, which they can tell from them and the state: call this before evaluating or saving the
   * weights and {@link #trainWeights} before the next step, which is refused otherwise. Both are
   * without effect the second time, change the weights by rounding only if called in turn, and may
   * be called before the first step. Which weights there are is part of the state.
   *
   * @param params the weights that are stepped
   * @throws UnsupportedOperationException if the optimizer steps the weights to evaluate
   * @throws IllegalArgumentException if these weights do not fit the state, or if the momentum is
   *     0, so that the weights to evaluate can't be told; nothing is changed then
   */
  public void evalWeights(Vector params) {
    turnWeights(params, true);
  }

  /**
   * Turns weights in place back into those to train; see {@link #evalWeights}.
   *
   * @param params the weights that {@link #evalWeights} changed
   * @throws UnsupportedOperationException if the optimizer steps the weights to evaluate
   * @throws IllegalArgumentException if these weights do not fit the state
   */
  public void trainWeights(Vector params) {
    turnWeights(params, false);
  }

  private void turnWeights(Vector params, boolean toEval) {
    flushPending();
    handle.acquireExclusive();
    try {
      if (!handle.hasEvalWeights()) {
        throw new UnsupportedOperationException(
            spec.qualifiedName() + " trains the very weights that are to be evaluated");
      }
      if (evaluating == toEval) {
        return;
      }
      if (slots != null) {
        slots.spec().requireSame(params.spec(), "the stored state", "the weights");
        params.beginWrite();
        try {
          bind(params, params, slots);
          NativeStatus.check(TorchLibrary.ob_torch_move_weights(handle.address, toEval ? 1 : 0));
        } finally {
          params.endUse();
          Reference.reachabilityFence(params);
        }
      }
      evaluating = toEval;
    } finally {
      handle.release();
    }
  }

  private void requireTraining() {
    if (evaluating) {
      throw new IllegalStateException(
          spec.qualifiedName()
              + ": the weights are those to evaluate; call trainWeights(params) before a step");
    }
  }

  /**
   * Returns how the last step that was taken or recorded reached its memory; null before the first.
   * Changes are logged, with the reason, to the {@link System.Logger} {@code org.optibridge.torch}
   * at level DEBUG.
   */
  public @Nullable TorchBinding binding() {
    return binding;
  }

  private void bindingIs(Kind kind, boolean inBlocks, VectorSpec params, boolean stored) {
    TorchBinding former = binding;
    Extent extent = inBlocks ? Extent.BLOCKS : Extent.WHOLE_TENSORS;
    if (former != null && former.kind() == kind && former.extent() == extent) {
      return;
    }
    TorchBinding next = new TorchBinding(kind, extent);
    binding = next;
    Recording.onRollBack(() -> binding = former);
    if (LOGGER.isLoggable(Level.DEBUG)) {
      LOGGER.log(
          Level.DEBUG,
          "{0} steps {1}: {2}; {3}",
          spec.qualifiedName(),
          next,
          reason(kind),
          inBlocks ? "large tensors, whose gradients a sweep computes" : reason(params, stored));
    }
  }

  private String reason(Kind kind) {
    return switch (kind) {
      case IN_PLACE -> "it ends the pipeline";
      case PARAMETER_AWARE -> "its output is asked for, and the step depends on the weights";
      case DIRECTION ->
          "its output is asked for, and "
              + (handle.options().readsWeights()
                  ? "no weights are at hand"
                  : "the step does not depend on the weights");
    };
  }

  /** Why a step is not part of a sweep. */
  private String reason(VectorSpec params, boolean stored) {
    if (!handle.hasBlocks()) {
      return "the step is one of whole tensors";
    }
    if (!params.isOnHost()) {
      return "the tensors are not in host memory";
    }
    if (params.numel() < BLOCK_WORTH * params.size()) {
      return "the tensors have fewer than " + BLOCK_WORTH + " elements on average";
    }
    return stored ? "the gradients are in memory" : "no pipeline records a sweep";
  }

  // ---- options ---------------------------------------------------------------------------------

  /**
   * Changes options of the module from the next step on. Tensors of a group have the change too
   * unless the group overrides the option. Everything else stays: other options, the state, the
   * steps that were recorded before.
   *
   * <p>An option that needs a state slot which is not there ({@code amsgrad}, {@code centered},
   * RMSprop's {@code momentum}) can be set only before the first step, as in PyTorch. SGD's {@code
   * momentum} can be turned on at any time: its buffer starts with the next gradient. A slot that
   * is no longer needed is kept. While a {@link Recording} is open, a change is undone if it is
   * rolled back; one that needs other slots is refused then.
   *
   * @param changes options as Python names them; not {@code lr}, which is the pipeline's, nor
   *     {@code fused}
   * @throws IllegalArgumentException if an option is unknown, ill-typed, out of range or can't be
   *     changed now; nothing is changed then
   * @throws IllegalStateException if slots would change within a recording
   */
  public void setOptions(Map<String, Object> changes) {
    setOptions(options -> options.with(changes), changes);
  }

  /**
   * Changes options that a group overrides from the next step on, or adds some; see {@link
   * #setOptions(Map)}.
   *
   * @param group the position of the group among those that the module was made with
   * @param changes options as Python names them; {@code lr} is what the pipeline's learning rate is
   *     multiplied by
   * @throws IllegalArgumentException if there is no such group, or an option is unknown, ill-typed,
   *     out of range or can't be changed now; nothing is changed then
   * @throws IllegalStateException if slots would change within a recording
   */
  public void setOptions(int group, Map<String, Object> changes) {
    setOptions(options -> options.with(group, changes), changes);
  }

  private void setOptions(UnaryOperator<TorchOptions> change, Map<String, Object> changes) {
    flushPending();
    handle.acquireExclusive();
    try {
      TorchOptions former = handle.options();
      apply(change.apply(former), changes);
      Recording.onRollBack(() -> apply(former, Map.of()));
    } finally {
      handle.release();
    }
  }

  private void apply(TorchOptions options, Map<String, Object> changes) {
    try (TorchHandle next = TorchHandle.create(options)) {
      TorchSlots state = slots;
      if (state == null || next.hasSlotsOf(handle)) {
        handle.take(next);
        return;
      }
      if (Recording.isOpen()) {
        throw new IllegalStateException(
            spec.qualifiedName()
                + ": "
                + changes
                + " changes which state there is; set it between steps, with no recording open");
      }
      TorchSlots changed;
      try {
        changed = new TorchSlotChange(state, next, spec.name().equals("SGD")).make();
      } catch (IllegalArgumentException e) {
        throw new IllegalArgumentException(
            spec.qualifiedName() + ": can't change to " + changes + ": " + e.getMessage(), e);
      }
      handle.take(next);
      boundParams = null;
      boundGradients = null;
      slots = changed;
      state.closeExcept(changed);
    }
  }

  // ---- steps -----------------------------------------------------------------------------------

  /** {@inheritDoc} Weights without a gradient keep their state and their count of steps. */
  @Override
  public void beforePartialStep(VectorSpec weights) {
    all = weights;
  }

  @Override
  public Vector run(Vector gradients, @Nullable Vector params) {
    flushPending();
    handle.acquireExclusive();
    try {
      requireTraining();
      boolean aware = handle.options().readsWeights() && params != null;
      Kind kind = aware ? Kind.PARAMETER_AWARE : Kind.DIRECTION;
      if (params != null && runsInBlocks(params)) {
        BlockKernel kernel = kernel(params, 1.0);
        bindingIs(kind, true, params.spec(), false);
        return aware
            ? params.minus(gradients.stepped(kernel, params))
            : gradients.stepped(kernel, null).negate();
      }
      slotsFor(gradients.spec());
      Vector stored = stored(gradients);
      Vector stepped = direction(stored.spec());
      if (aware) {
        stepped.assign(requireNonNull(params));
      }
      step(stepped, stored, 1.0, !aware);
      bindingIs(kind, false, stored.spec(), gradients == stored);
      return aware ? requireNonNull(params).minus(stepped) : stepped.negate();
    } finally {
      all = null;
      handle.release();
    }
  }

  /**
   * {@inheritDoc}
   *
   * <p>The gradients may be of some of the weights only, in the same order. Weights without a
   * gradient are left alone with all their state, and their steps are not counted.
   */
  @Override
  public void stepInPlace(Vector params, Vector gradients, double learningRate) {
    if (!Double.isFinite(learningRate)) {
      throw new IllegalArgumentException("The learning rate is " + learningRate);
    }
    if (learningRate < 0) {
      throw new IllegalArgumentException(
          spec.qualifiedName()
              + ": the learning rate must be >= 0, not "
              + learningRate
              + "; to ascend, set 'maximize'");
    }
    flushPending();
    handle.acquireExclusive();
    try {
      requireTraining();
      if (all == null) {
        all = params.spec();
      }
      slotsFor(gradients.spec());
      Vector stepped = selection.of(params, gradients.spec());
      if (!gradients.isStored() && runsInBlocks(stepped)) {
        BlockKernel kernel = kernel(stepped, learningRate);
        bindingIs(Kind.IN_PLACE, true, stepped.spec(), false);
        stepped.assign(gradients.stepped(kernel, stepped));
        return;
      }
      Vector stored = stored(gradients);
      step(stepped, stored, learningRate, false);
      bindingIs(Kind.IN_PLACE, false, stepped.spec(), gradients == stored);
    } finally {
      all = null;
      handle.release();
    }
  }

  /** The artificial parameter. */
  private Vector direction(VectorSpec params) {
    Vector memory = direction;
    if (memory == null || !memory.spec().equals(params)) {
      if (memory != null) {
        memory.close();
      }
      memory = Vector.allocate(params);
      direction = memory;
    }
    return memory;
  }

  /**
   * Whether the step can be an instruction of the sweep that computes the gradients. Not of small
   * tensors: a call of the kernel for each costs more than a pass over memory.
   */
  private boolean runsInBlocks(Vector params) {
    return params.isStored()
        && Recording.isOpen()
        && params.spec().numel() >= BLOCK_WORTH * params.spec().size()
        && params.spec().isOnHost()
        && handle.hasBlocks();
  }

  private BlockKernel kernel(Vector params, double rate) {
    TorchSlots state = slotsFor(params.spec());
    bind(params, params, state);
    TorchBlockKernel next = new TorchBlockKernel(handle, rate, () -> direction(params.spec()));
    pending = next;
    remember(rate);
    Recording.onRollBack(
        () -> {
          if (pending == next) {
            pending = null; // will never begin
          }
        });
    return next;
  }

  /**
   * Takes a step that is recorded but not begun, before anything else is done. Not to be called
   * while the handle is held, which the step needs.
   */
  private void flushPending() {
    if (pending != null && !pending.hasBegun()) {
      Recording.flush();
    }
  }

  private void step(Vector params, Vector gradients, double rate, boolean fromZero) {
    TorchSlots state = requireNonNull(slots);
    params.beginWrite();
    try {
      gradients.beginRead();
      try {
        bind(params, gradients, state);
        if (fromZero) {
          NativeStatus.check(TorchLibrary.ob_torch_zero(handle.address));
        }
        NativeStatus.check(TorchLibrary.ob_torch_step(handle.address, rate));
        remember(rate);
      } finally {
        gradients.endUse();
      }
    } finally {
      params.endUse();
      Reference.reachabilityFence(params);
      Reference.reachabilityFence(gradients);
      Reference.reachabilityFence(state);
    }
  }

  private void remember(double stepRate) {
    double former = lastRate;
    if (stepRate != former) {
      lastRate = stepRate;
      Recording.onRollBack(() -> lastRate = former);
    }
  }

  private void bind(Vector params, Vector gradients, TorchSlots state) {
    if (params == boundParams && gradients == boundGradients) {
      return;
    }
    boundParams = null;
    boundGradients = null;
    handle.bind(params, gradients, positions(state.spec(), params.spec()), state);
    NativeStatus.check(TorchLibrary.ob_torch_sync(handle.address));
    boundParams = params;
    boundGradients = gradients;
  }

  /** Where tensors stand among all that have state; null if they are all. */
  private static long @Nullable [] positions(VectorSpec state, VectorSpec some) {
    if (state.equals(some)) {
      return null;
    }
    int[] positions = state.positions(some, "the stored state", "the gradients");
    return Arrays.stream(positions).asLongStream().toArray();
  }

  /** Gradients in memory: the caller's if they are stored, else computed into this module's. */
  private Vector stored(Vector gradients) {
    if (gradients.isStored()) {
      return gradients;
    }
    Vector memory = input;
    if (memory == null || !memory.spec().equals(gradients.spec())) {
      if (memory != null) {
        memory.close();
      }
      memory = Vector.allocate(gradients.spec());
      input = memory;
    }
    memory.assign(gradients);
    return memory;
  }

  /** The state, made at the first step; checks that it has what a step of these tensors needs. */
  private TorchSlots slotsFor(VectorSpec operands) {
    VectorSpec weights = all == null ? operands : all;
    TorchSlots state = slots;
    if (state != null) {
      state.spec().requireSame(weights, "the stored state", "the gradients");
    }
    if (!weights.equals(operands)) {
      weights.positions(operands, "the parameters", "the gradients");
    }
    if (state == null) {
      TorchSlots made = TorchSlots.initial(handle, weights);
      state = made;
      slots = made;
      // A step that failed was none: the next one may be of other shapes.
      Recording.onRollBack(
          () -> {
            if (slots == made) {
              forget();
            }
          });
    }
    return state;
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
    lastRate = 1;
    evaluating = false;
    boundParams = null;
    boundGradients = null;
    selection.close();
    if (slots != null) {
      slots.close();
      slots = null;
    }
    if (direction != null) {
      direction.close();
      direction = null;
    }
    if (input != null) {
      input.close();
      input = null;
    }
  }

  private TorchStateDict stateDict() {
    return new TorchStateDict(handle, spec, handle.options()::paramGroups);
  }

  @Override
  public State getState() {
    handle.acquireExclusive();
    try {
      State state = stateDict().save(slots, lastRate);
      return handle.hasEvalWeights() ? state.put(WEIGHTS, evaluating ? EVAL : TRAIN) : state;
    } finally {
      handle.release();
    }
  }

  @Override
  public void setState(State state) {
    handle.acquireExclusive();
    try {
      boolean eval = handle.hasEvalWeights() && isEval(state.text(WEIGHTS));
      TorchStateDict.Loaded next =
          stateDict().load(state, handle.hasEvalWeights() ? Set.of(WEIGHTS) : Set.of());
      forget();
      slots = next.slots();
      lastRate = next.rate();
      evaluating = eval;
    } finally {
      handle.release();
    }
  }

  private boolean isEval(String weights) {
    if (!weights.equals(EVAL) && !weights.equals(TRAIN)) {
      throw new IllegalArgumentException(
          spec.qualifiedName()
              + ": the state's '"
              + WEIGHTS
              + "' is '"
              + weights
              + "', not '"
              + TRAIN
              + "' or '"
              + EVAL
              + "'");
    }
    return weights.equals(EVAL);
  }

  @Override
  public void close() {
    handle.close();
    forget();
  }

  @Override
  public String toString() {
    return handle.options().toString();
  }
}
