package org.optibridge.torch;

import static java.util.Objects.requireNonNull;

import java.lang.ref.Reference;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.optibridge.memory.NativeStatus;
import org.optibridge.optimizer.InPlaceModule;
import org.optibridge.optimizer.State;
import org.optibridge.vector.BlockKernel;
import org.optibridge.vector.Recording;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorSpec;

/**
 * An optimizer of {@code torch.optim}, run by libtorch, as a module of a pipeline.
 *
 * <p><b>What it computes.</b> libtorch steps at a learning rate of 1; what the step would take off
 * the weights is the module's output, and the pipeline applies its own rate. Three bindings have
 * that one meaning:
 *
 * <ul>
 *   <li><i>direction</i>: gradients bound by address, an artificial parameter of zeros is stepped;
 *   <li><i>parameter-aware direction</i>, if the step depends on the weights and they are known: a
 *       copy of the weights is stepped and the difference returned. It does if {@code weight_decay}
 *       is not 0, and for ASGD and Adafactor always. Without weights the decay has nothing to act
 *       on, and Adafactor's relative step is its least, {@code eps[1]};
 *   <li><i>in place</i>, if the module ends the pipeline: the weights themselves are stepped at the
 *       pipeline's rate, without a copy or another pass.
 * </ul>
 *
 * <p><b>Rates that are no factor.</b> ASGD, Rprop and Adafactor do more with their learning rate
 * than multiply by it: ASGD's falls, Rprop's is where its step sizes start, Adafactor's is a bound.
 * In place they get the pipeline's rate and do what PyTorch does; otherwise they get 1, and the
 * pipeline multiplies what comes out, as declearn does.
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

  private final TorchOptimizerSpec spec;
  private final Map<String, Object> kwargs;
  private final boolean fused;
  private final boolean readsWeights;
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

  private TorchOptiModule(TorchOptimizerSpec spec, Map<String, Object> kwargs) {
    this.spec = spec;
    Map<String, @Nullable Object> options = spec.complete(kwargs);
    Object wanted = kwargs.get("fused");
    if (wanted != null && !(wanted instanceof Boolean)) {
      throw new IllegalArgumentException(
          spec.qualifiedName() + ": 'fused' must be true or false, not " + wanted);
    }
    if (Boolean.TRUE.equals(wanted) && !spec.hasFusedKernel()) {
      throw new IllegalArgumentException(
          spec.qualifiedName() + " has no fused kernel in libtorch; leave 'fused' out");
    }
    this.fused = spec.hasFusedKernel() && !Boolean.FALSE.equals(wanted);
    this.kwargs = new LinkedHashMap<>();
    for (TorchOption option : spec.options()) {
      Object value = options.get(option.name());
      if (value != null && !value.equals(option.defaultValue())) {
        this.kwargs.put(option.name(), value);
      }
    }
    if (wanted != null) {
      this.kwargs.put("fused", fused);
    }
    this.readsWeights = spec.readsWeights(options);
    this.handle = TorchHandle.create(spec, options, fused);
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
    TorchImports.requireNoClass(optimizer);
    return new TorchOptiModule(TorchOptimizers.get(optimizer), kwargs);
  }

  /**
   * @param config as {@link #getConfig()} returns it, or as declearn writes it: {@code optim_cls}
   *     and {@code kwargs}
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
    return of(name, (Map<String, Object>) options);
  }

  static void requireKnownEntries(Map<String, Object> config) {
    for (String key : config.keySet()) {
      if (!Set.of("optim_cls", "kwargs").contains(key)) {
        throw new IllegalArgumentException(
            "Unknown entry '" + key + "' of a torch-optim config; known: optim_cls, kwargs");
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
    Map<String, Object> options = new LinkedHashMap<>(kwargs);
    options.put("lr", 1.0);
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("optim_cls", spec.qualifiedName());
    config.put("kwargs", options);
    return config;
  }

  @Override
  public Vector run(Vector gradients, @Nullable Vector params) {
    handle.acquireExclusive();
    try {
      if (params != null && runsInBlocks(params)) {
        BlockKernel kernel = kernel(params, 1.0);
        return readsWeights
            ? params.minus(gradients.stepped(kernel, params))
            : gradients.stepped(kernel, null).negate();
      }
      Vector stored = stored(gradients);
      TorchSlots state = slotsFor(stored.spec());
      Vector stepped = direction();
      if (readsWeights && params != null) {
        stepped.assign(params);
        step(stepped, stored, state, 1.0, false);
        return params.minus(stepped);
      }
      step(stepped, stored, state, 1.0, true);
      return stepped.negate();
    } finally {
      handle.release();
    }
  }

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
    handle.acquireExclusive();
    try {
      if (!gradients.isStored() && runsInBlocks(params)) {
        params.assign(gradients.stepped(kernel(params, learningRate), params));
        return;
      }
      Vector stored = stored(gradients);
      params.spec().requireSame(stored.spec(), "the parameters", "the gradients");
      step(params, stored, slotsFor(params.spec()), learningRate, false);
    } finally {
      handle.release();
    }
  }

  /** The artificial parameter. */
  private Vector direction() {
    Vector memory = direction;
    if (memory == null) {
      memory = Vector.allocate(requireNonNull(slots).spec());
      direction = memory;
    }
    return memory;
  }

  /**
   * Whether the step can be an instruction of the sweep that computes the gradients. Not of small
   * tensors: a call of the kernel for each costs more than a pass over memory.
   */
  private boolean runsInBlocks(Vector params) {
    return fused
        && params.isStored()
        && Recording.isOpen()
        && params.spec().numel() >= BLOCK_WORTH * params.spec().size()
        && params.spec().isOnHost();
  }

  private BlockKernel kernel(Vector params, double rate) {
    if (pending != null && !pending.hasBegun()) {
      // Two steps in one recording: the first comes first.
      Recording.flush();
    }
    bind(params, params, slotsFor(params.spec()));
    TorchBlockKernel next = new TorchBlockKernel(handle, rate, this::direction);
    pending = next;
    Recording.onRollBack(
        () -> {
          if (pending == next) {
            pending = null; // will never begin
          }
        });
    return next;
  }

  private void step(
      Vector params, Vector gradients, TorchSlots state, double rate, boolean fromZero) {
    params.beginWrite();
    try {
      gradients.beginRead();
      try {
        bind(params, gradients, state);
        if (fromZero) {
          NativeStatus.check(TorchLibrary.ob_torch_zero(handle.address));
        }
        NativeStatus.check(TorchLibrary.ob_torch_step(handle.address, rate));
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

  private void bind(Vector params, Vector gradients, TorchSlots state) {
    if (params == boundParams && gradients == boundGradients) {
      return;
    }
    boundParams = null;
    boundGradients = null;
    NativeStatus.check(
        TorchLibrary.ob_torch_bind(
            handle.address,
            params.nativeTable(),
            gradients.nativeTable(),
            state.tables(),
            handle.slots.size(),
            params.spec().size()));
    NativeStatus.check(TorchLibrary.ob_torch_sync(handle.address));
    boundParams = params;
    boundGradients = gradients;
  }

  /** Gradients in memory: the caller's if they are stored, else computed into this module's. */
  private Vector stored(Vector gradients) {
    if (gradients.isStored()) {
      return gradients;
    }
    Vector memory = input;
    if (memory == null || !memory.spec().equals(gradients.spec())) {
      TorchSlots state = slots;
      if (state != null) {
        state.spec().requireSame(gradients.spec(), "the stored state", "the gradients");
      }
      memory = Vector.allocate(gradients.spec());
      input = memory;
    }
    memory.assign(gradients);
    return memory;
  }

  private TorchSlots slotsFor(VectorSpec params) {
    TorchSlots state = slots;
    if (state == null) {
      TorchSlots made = TorchSlots.initial(handle, params);
      state = made;
      slots = made;
      // A step that failed was none: the next one may be of other shapes.
      Recording.onRollBack(
          () -> {
            if (slots == made) {
              forget();
            }
          });
    } else {
      state.spec().requireSame(params, "the stored state", "the gradients");
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
    boundParams = null;
    boundGradients = null;
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

  @Override
  public State getState() {
    handle.acquireExclusive();
    try {
      State state = new State().put("optim_cls", spec.qualifiedName());
      if (slots != null) {
        state.put("specs", slots.spec()).put("slots", slots.copy());
      }
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
      if (!cls.equals(spec.qualifiedName())) {
        throw new IllegalArgumentException(
            "A state of " + cls + " can't be loaded into " + spec.qualifiedName());
      }
      Set<String> known =
          state.has("slots") ? Set.of("optim_cls", "specs", "slots") : Set.of("optim_cls");
      if (!known.equals(state.keys())) {
        throw new IllegalArgumentException(
            spec.qualifiedName() + ": the state has " + state.keys() + ", it needs just " + known);
      }
      TorchSlots next =
          state.has("slots")
              ? TorchSlots.copyOf(handle, state.spec("specs"), state.state("slots"))
              : null;
      forget();
      slots = next;
    } finally {
      handle.release();
    }
  }

  @Override
  public void close() {
    handle.close();
    forget();
  }

  @Override
  public String toString() {
    return spec.qualifiedName() + kwargs;
  }
}
