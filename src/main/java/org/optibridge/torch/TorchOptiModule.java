package org.optibridge.torch;

import static java.util.Objects.requireNonNull;

import java.lang.ref.Reference;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.optibridge.memory.NativeStatus;
import org.optibridge.optimizer.InPlaceModule;
import org.optibridge.optimizer.SparseModule;
import org.optibridge.optimizer.State;
import org.optibridge.torch.TorchBinding.Kind;
import org.optibridge.trust.Origin;
import org.optibridge.vector.BlockKernel;
import org.optibridge.vector.Recording;
import org.optibridge.vector.SparseGradients;
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
 * <p><b>Sparse gradients.</b> {@code SGD} and {@code Adagrad} without {@code weight_decay} step by
 * them too, {@code SparseAdam} by nothing else; see {@link #stepSparseInPlace}.
 *
 * <p><b>State</b> (moments, step counts) is native memory of this module, made at the first step
 * for the names and shapes seen there; later steps need the same until {@link #reset()}. {@link
 * #getState()} returns it in the layout of Python's {@code state_dict}, from which {@code
 * torch.optim} goes on, and {@link #setState} takes what Python saved; docs/state.md tells how.
 *
 * <ul>
 *   <li>{@code optim_cls}: the class;
 *   <li>{@code param_groups}: plain data, all options in use under Python's names; {@code lr} is
 *       the rate of the last step;
 *   <li>{@code params}: names, shapes and dtypes of the parameters, from the first step on;
 *   <li>{@code state}: one vector of all entries, named by the parameter's position and Python's
 *       name, {@code 0.exp_avg}. They have the shapes they have in Python, and the dtype of the
 *       parameter; {@code step}, {@code mu_product}, {@code eta} and {@code mu} are float32
 *       scalars. A parameter that was not stepped has none, and no entry is there that Python
 *       lacks.
 * </ul>
 *
 * <p>Options are not loaded with a state: those of this module stay, the learning rate is the
 * pipeline's. Where a saved option differs, a line of level INFO on the logger {@code
 * org.optibridge.torch} names both values.
 *
 * <p><b>Groups and changes.</b> Options can differ by group of tensors ({@link #builder}) and
 * change between steps ({@link #setOptions(Map)}); gradients may be of some of the weights only.
 *
 * <p><b>Aliasing.</b> Gradients and weights are bound by address and held until others take their
 * place. The output of {@link #run} refers to memory of this module and is valid until its next
 * call.
 */
public final class TorchOptiModule implements InPlaceModule, SparseModule {
  /** The registered name. */
  public static final String NAME = "torch-optim";

  // Elements of a tensor, on average, from which a call of a kernel for each is worth it.
  static final long BLOCK_WORTH = 16384;

  // Of a state: which weights there are.
  private static final String WEIGHTS = "weights";
  private static final String EVAL = "eval";
  private static final String TRAIN = "train";

  private final TorchOptimizerSpec spec;
  // Has the options as well.
  private final TorchHandle handle;

  private final TorchMemory memory;
  private final TorchBindings bindings;

  // The last step that was to be an instruction of a sweep.
  private @Nullable TorchBlockKernel pending;
  // The learning rate of the last step, for the state.
  private double lastRate = 1;

  // Whether the weights are those to evaluate, which are not to be stepped.
  private boolean evaluating;

  TorchOptiModule(TorchOptions options) {
    this.spec = options.spec();
    this.handle = TorchHandle.create(options);
    this.memory = new TorchMemory(handle);
    this.bindings = new TorchBindings(handle);
  }

  /**
   * @param optimizer {@code "Adam"} or {@code "torch.optim.Adam"}, or a file, see {@link
   *     #of(String, Map)}
   * @return a module with PyTorch's default options, or the file's
   * @throws IllegalArgumentException if the name is unknown
   */
  public static TorchOptiModule of(String optimizer) {
    return of(optimizer, Map.of());
  }

  /**
   * @param optimizer {@code "Adam"} or {@code "torch.optim.Adam"}; or a file with an optimizer of
   *     yours, {@code "/path/libmine.so:Lion"}, {@code "lamb.pt"}, {@code "lamb.pt2"}, which the
   *     policy of {@link org.optibridge.trust.TrustedImports#standard()} has to allow
   * @param kwargs options as Python names them; {@code betas} is a list of two numbers, None is
   *     null; {@code fused=false} selects the plain step
   * @return a module
   * @throws IllegalArgumentException if the name is unknown or an option unknown, ill-typed or out
   *     of range; or the file refused or unfit, see {@link TorchImport#open}
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
   * @param optimizer as for {@link #of(String, Map)}
   * @return a builder, with PyTorch's default options
   * @throws IllegalArgumentException if the name is unknown, or the file refused or unfit
   */
  public static TorchOptiModuleBuilder builder(String optimizer) {
    return new TorchOptiModuleBuilder(TorchSource.named(optimizer, Origin.CODE));
  }

  static TorchOptiModule of(TorchImport imported, Map<String, Object> kwargs) {
    return new TorchOptiModuleBuilder(TorchSource.of(imported)).options(kwargs).build();
  }

  /**
   * @param config as {@link #getConfig()} returns it, or as declearn writes it: {@code optim_cls}
   *     and {@code kwargs}; beyond declearn {@code groups}, a list of objects, each with the
   *     entries of a {@link org.optibridge.optimizer.TensorFilter} and {@code kwargs}. A file is
   *     opened under the policy of {@link org.optibridge.trust.TrustedImports#standard()}, as what
   *     a config asks for
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
    return new TorchOptiModule(
        TorchOptions.of(
            TorchSource.named(name, Origin.CONFIG),
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
    return handle.options().isFused();
  }

  @Override
  public Map<String, Object> getConfig() {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("optim_cls", handle.options().source().reference());
    handle.options().addTo(config);
    return config;
  }

  /** Returns whether other weights are stepped than those to evaluate; see {@link #evalWeights}. */
  public boolean hasEvalWeights() {
    return handle.hasEvalWeights();
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
      TorchSlots state = memory.slots();
      if (state != null) {
        state.spec().requireSame(params.spec(), "the stored state", "the weights");
        params.beginWrite();
        try {
          memory.bind(params, params);
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
    return bindings.last();
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
   * is no longer needed is kept, but not saved with the state. While a {@link Recording} is open, a
   * change is undone if it is rolled back; one that needs other slots is refused then.
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
      TorchSlots state = memory.slots();
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
      memory.change(changed);
    }
  }

  // ---- steps -----------------------------------------------------------------------------------

  /** {@inheritDoc} Weights without a gradient keep their state and their count of steps. */
  @Override
  public void beforePartialStep(VectorSpec weights) {
    memory.weightsAre(weights);
  }

  @Override
  public Vector run(Vector gradients, @Nullable Vector params) {
    requireDense();
    flushPending();
    handle.acquireExclusive();
    try {
      requireTraining();
      boolean aware = handle.options().readsWeights() && params != null;
      Kind kind = aware ? Kind.PARAMETER_AWARE : Kind.DIRECTION;
      if (params != null && runsInBlocks(params)) {
        BlockKernel kernel = kernel(params, 1.0);
        bindings.is(kind, true, params.spec(), false);
        return aware
            ? params.minus(gradients.stepped(kernel, params))
            : gradients.stepped(kernel, null).negate();
      }
      memory.slotsFor(gradients.spec());
      Vector stored = memory.stored(gradients);
      Vector stepped = memory.direction(stored.spec());
      if (aware) {
        stepped.assign(requireNonNull(params));
      }
      step(stepped, stored, 1.0, !aware);
      bindings.is(kind, false, stored.spec(), gradients == stored);
      return aware ? requireNonNull(params).minus(stepped) : stepped.negate();
    } finally {
      memory.callIsOver();
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
    requireRate(learningRate);
    requireDense();
    flushPending();
    handle.acquireExclusive();
    try {
      requireTraining();
      memory.weightsUnlessKnown(params.spec());
      memory.slotsFor(gradients.spec());
      Vector stepped = memory.select(params, gradients.spec());
      // With gradients in memory the step by itself is a sweep; not so if it is part of a larger
      // one.
      if ((!gradients.isStored() || Recording.isJoined()) && runsInBlocks(stepped)) {
        BlockKernel kernel = kernel(stepped, learningRate);
        bindings.is(Kind.IN_PLACE, true, stepped.spec(), false);
        stepped.assign(gradients.stepped(kernel, stepped));
        return;
      }
      Vector stored = memory.stored(gradients);
      step(stepped, stored, learningRate, false);
      bindings.is(Kind.IN_PLACE, false, stepped.spec(), gradients == stored);
    } finally {
      memory.callIsOver();
      handle.release();
    }
  }

  @Override
  public @Nullable String sparseRefusal() {
    String refusal = handle.rowsRefusal();
    return refusal.isEmpty() ? null : spec.qualifiedName() + ": " + refusal;
  }

  @Override
  public void stepSparseInPlace(Vector params, SparseGradients gradients, double learningRate) {
    requireRate(learningRate);
    gradients.requireFor(params.spec());
    Vector dense = gradients.dense();
    if (spec.takesSparseOnly() && dense != null) {
      throw denseRefused("; those of " + dense.spec().names() + " are dense");
    }
    flushPending();
    handle.acquireExclusive();
    try {
      requireTraining();
      String refusal = sparseRefusal();
      if (refusal != null) {
        throw new UnsupportedOperationException(refusal);
      }
      TorchSlots state = memory.slotsFor(params.spec());
      params.beginWrite();
      try {
        long rows = gradients.beginRead(params.spec());
        try {
          memory.bind(params, params);
          NativeStatus.check(TorchLibrary.ob_torch_step_rows(handle.address, rows, learningRate));
          remember(learningRate);
        } finally {
          gradients.endUse();
        }
      } finally {
        params.endUse();
        Reference.reachabilityFence(state);
      }
    } finally {
      handle.release();
    }
  }

  private IllegalArgumentException denseRefused(String detail) {
    return new IllegalArgumentException(
        spec.qualifiedName()
            + " takes sparse gradients only, Optimizer.step(params, SparseGradients)"
            + detail
            + "; for dense ones use Adam");
  }

  private void requireDense() {
    if (spec.takesSparseOnly()) {
      throw denseRefused("");
    }
  }

  private void requireRate(double learningRate) {
    if (!Double.isFinite(learningRate)) {
      throw new IllegalArgumentException("The learning rate is " + learningRate);
    }
    if (learningRate < 0 || (learningRate == 0 && spec.takesSparseOnly())) {
      throw new IllegalArgumentException(
          spec.qualifiedName()
              + ": the learning rate must be "
              + spec.rateRange()
              + ", not "
              + learningRate
              + "; to ascend, set 'maximize'");
    }
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
    memory.slotsFor(params.spec());
    memory.bind(params, params);
    TorchBlockKernel next =
        new TorchBlockKernel(handle, rate, () -> memory.direction(params.spec()));
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
    TorchSlots state = requireNonNull(memory.slots());
    params.beginWrite();
    try {
      gradients.beginRead();
      try {
        memory.bind(params, gradients);
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
    memory.forget();
  }

  private TorchStateDict stateDict() {
    return new TorchStateDict(handle, spec, handle.options()::paramGroups);
  }

  /** Returns a copy of the state, each element copied once; see this class for the layout. */
  @Override
  public State getState() {
    handle.acquireExclusive();
    try {
      State state = stateDict().save(memory.slots(), lastRate);
      return handle.hasEvalWeights() ? state.put(WEIGHTS, evaluating ? EVAL : TRAIN) : state;
    } finally {
      handle.release();
    }
  }

  /**
   * Replaces the state by a copy of a saved one, after checking all of it.
   *
   * @param state from {@link #getState()} or from Python
   * @throws IllegalArgumentException saying what does not fit this module: the class, the groups,
   *     an entry's name, shape or dtype, or one that lacks; nothing has changed then
   */
  @Override
  public void setState(State state) {
    handle.acquireExclusive();
    try {
      boolean eval = handle.hasEvalWeights() && isEval(state.text(WEIGHTS));
      TorchStateDict.Loaded next =
          stateDict().load(state, handle.hasEvalWeights() ? Set.of(WEIGHTS) : Set.of());
      forget();
      memory.replace(next.slots());
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
