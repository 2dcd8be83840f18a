package org.optibridge.optimizer;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.optibridge.memory.NativeHandle;
import org.optibridge.vector.Recording;
import org.optibridge.vector.Selection;
import org.optibridge.vector.SparseGradients;
import org.optibridge.vector.Vector;

/**
 * A pipeline from gradients to updated weights, after declearn's {@code Optimizer}:
 *
 * <pre>updates = -learningRate × modules(regularizers(gradients, params)) - weightDecay × params
 * params += updates</pre>
 *
 * <p>The weight decay is not multiplied by the learning rate, unless {@link WeightDecay#TIMES_RATE}
 * asks for it.
 *
 * <p><b>One sweep.</b> What all stages compute with {@link Vector} arithmetic runs as one program:
 * one pass over memory, and one more for each norm that must be known before the rest. If the last
 * module can step weights itself and no weight decay is set, it does so in place.
 *
 * <p><b>All or nothing.</b> If a stage throws, neither weights nor state have changed, except for
 * what a framework's whole-tensor step wrote before.
 *
 * <p><b>Ownership.</b> The optimizer owns its regularizers and modules and closes them with itself.
 *
 * <p><b>Thread-safety.</b> One call at a time; a second one at once gets a {@link
 * org.optibridge.memory.ConcurrentUseException} before anything is changed.
 */
public final class Optimizer implements AutoCloseable {
  private final List<Regularizer> regularizers;
  private final List<OptiModule> modules;
  private final WeightDecay decayMode;
  private final TensorFilter decayFilter;
  private final Guard guard;
  // Weights that have gradients, where some have none.
  private final Selection selection = new Selection();
  private Scheduler learningRate;
  private Scheduler weightDecay;

  private Optimizer(OptimizerBuilder builder, Scheduler learningRate) {
    this.regularizers = List.copyOf(builder.regularizers);
    this.modules = List.copyOf(builder.modules);
    this.learningRate = learningRate;
    this.weightDecay = builder.weightDecay;
    this.decayMode = builder.decayMode;
    this.decayFilter = builder.decayFilter;
    this.guard = new Guard("Optimizer " + modules.stream().map(OptiModule::name).toList());
  }

  /** Serializes calls; what it guards is closed by the modules' own handles. */
  private static final class Guard extends NativeHandle {
    Guard(String description) {
      super(description, 0, () -> {});
    }
  }

  static Optimizer of(OptimizerBuilder builder, Scheduler learningRate) {
    return new Optimizer(builder, learningRate);
  }

  /** Returns a builder; a learning rate is all it needs. */
  public static OptimizerBuilder builder() {
    return new OptimizerBuilder();
  }

  // ---- steps -----------------------------------------------------------------------------------

  /**
   * One optimization step, in place.
   *
   * <p>Gradients may be missing: weights whose names are not among those of the gradients are left
   * alone, with all their state, as PyTorch leaves weights without a gradient. No regularizer,
   * clipping or weight decay sees them. Stages that keep vectors for all weights together can't do
   * so and refuse; {@code torch-optim} and stages without such state can.
   *
   * @param params the weights, read and written
   * @param gradients of the loss by the weights, of an equal spec, or of some of the weights in the
   *     same order; read only
   * @return whether the weights were stepped; false if a module ended the step before: it skipped
   *     gradients that are not finite, or is still accumulating
   * @throws IllegalArgumentException if the specs do not fit one another or those of the steps
   *     before, or gradients are missing that a stage needs; nothing is changed then
   */
  public boolean step(Vector params, Vector gradients) {
    checkOperands(params, gradients);
    return recorded(
        () -> {
          Vector stepped = stepped(params, gradients);
          double rate = learningRate.rate();
          double decay = decay(rate);
          int last = modules.size() - 1;
          InPlaceModule stepper =
              last >= 0 && decay == 0 && modules.get(last) instanceof InPlaceModule module
                  ? module
                  : null;
          Vector direction =
              direction(stepped, gradients, stepper == null ? modules : modules.subList(0, last));
          if (direction == null) {
            return false;
          }
          if (stepper != null) {
            stepper.stepInPlace(stepped, direction, rate);
            if (stepper.skippedStep()) {
              return false;
            }
          } else {
            stepped.assign(stepped.plus(updates(stepped, direction, rate, decay)));
          }
          if (stepped != params) {
            Recording.flush(); // what reads all weights sees the part only in memory
          }
          finish(params);
          return true;
        });
  }

  /** The weights that have gradients, after asking all stages if some have none. */
  private Vector stepped(Vector params, Vector gradients) {
    if (params.spec().equals(gradients.spec())) {
      return params;
    }
    forEachStage(stage -> stage.beforePartialStep(params.spec()));
    return selection.of(params, gradients.spec());
  }

  /**
   * One optimization step in place by gradients of which some are {@link
   * org.optibridge.vector.SparseRows}. It costs as much as the rows that are given. Without modules
   * it is plain gradient descent; else there must be one module, which takes such gradients ({@link
   * SparseModule}), and neither regularizers nor a weight decay, which need all elements.
   *
   * @param params the weights, on the host; read and written
   * @param gradients of the same tensors, read only
   * @return whether there was a step; false if the module left the weights alone, since gradients
   *     were not finite
   * @throws UnsupportedOperationException naming the stage that needs dense gradients, which {@link
   *     SparseGradients#toDense(org.optibridge.vector.VectorSpec)} makes; nothing is changed then
   * @throws IllegalArgumentException if the tensors differ or a row is out of range; nothing is
   *     changed then
   */
  public boolean step(Vector params, SparseGradients gradients) {
    if (!params.isStored()) {
      throw new IllegalArgumentException("The parameters are an expression; only memory can step");
    }
    gradients.requireFor(params.spec());
    return recorded(
        () -> {
          double rate = learningRate.rate();
          SparseModule stepper = sparseStepper(decay(rate));
          if (stepper == null) {
            gradients.addTo(params, -rate);
          } else {
            stepper.stepSparseInPlace(params, gradients, rate);
            if (stepper instanceof InPlaceModule module && module.skippedStep()) {
              return false;
            }
          }
          finish(params);
          return true;
        });
  }

  /** The only stage of a pipeline that takes sparse gradients; null if it has none. */
  private @Nullable SparseModule sparseStepper(double decay) {
    if (!regularizers.isEmpty()) {
      throw needsDense("the regularizer '" + regularizers.get(0).name() + "'", "");
    }
    if (decay != 0) {
      throw needsDense("the pipeline's weight decay", "");
    }
    if (modules.isEmpty()) {
      return null;
    }
    OptiModule first = modules.get(0);
    if (first instanceof SparseModule sparse && modules.size() == 1) {
      String refusal = sparse.sparseRefusal();
      if (refusal == null) {
        return sparse;
      }
      throw needsDense("the module '" + first.name() + "'", " (" + refusal + ")");
    }
    for (OptiModule module : modules) {
      if (!(module instanceof SparseModule)) {
        throw needsDense("the module '" + module.name() + "'", "");
      }
    }
    throw needsDense("the module '" + modules.get(1).name() + "'", " (it is not the only one)");
  }

  private static UnsupportedOperationException needsDense(String stage, String why) {
    return new UnsupportedOperationException(
        "Sparse gradients can't be used here: "
            + stage
            + " needs dense ones"
            + why
            + "; step(params, gradients.toDense(params.spec())) makes a dense copy");
  }

  /**
   * What {@link #step(Vector, Vector)} would add to the weights, which are left alone; the state of
   * the modules moves on.
   *
   * @param params the weights, read only
   * @param gradients of an equal spec, or of some of the weights as in {@link #step}; read only
   * @return a stored vector of the weights' spec, to be closed by the caller; zeros if a module
   *     ended the step, and for weights without a gradient
   */
  public Vector computeUpdates(Vector params, Vector gradients) {
    checkOperands(params, gradients);
    Vector result = Vector.allocate(params.spec());
    try (Selection updates = new Selection()) {
      recorded(
          () -> {
            double rate = learningRate.rate();
            Vector stepped = stepped(params, gradients);
            Vector direction = direction(stepped, gradients, modules);
            if (direction == null) {
              return false;
            }
            updates
                .of(result, gradients.spec())
                .assign(updates(stepped, direction, rate, decay(rate)));
            countStep();
            return true;
          });
      return result;
    } catch (RuntimeException | Error e) {
      result.close();
      throw e;
    }
  }

  /**
   * Adds updates to the weights and lets modules that follow the weights know.
   *
   * @param params the weights, written in place: {@code params += updates}
   * @param updates of an equal spec
   */
  public void applyUpdates(Vector params, Vector updates) {
    requireArithmetic(params);
    recorded(
        () -> {
          params.assign(params.plus(updates));
          modules.forEach(module -> module.afterStep(params));
          return true;
        });
  }

  private interface Step {
    boolean run();
  }

  private boolean recorded(Step step) {
    guard.acquireExclusive();
    try (Recording recording = Recording.begin()) {
      boolean stepped = step.run();
      recording.commit();
      return stepped;
    } finally {
      guard.release();
    }
  }

  private @Nullable Vector direction(Vector params, Vector gradients, List<OptiModule> stages) {
    Vector direction = gradients;
    for (Regularizer regularizer : regularizers) {
      direction = regularizer.run(direction, params);
    }
    for (OptiModule stage : stages) {
      Vector next = stage.run(direction, params);
      if (next == null) {
        return null;
      }
      direction = next;
    }
    return direction;
  }

  private double decay(double rate) {
    double decay = weightDecay.rate();
    return decayMode == WeightDecay.TIMES_RATE ? rate * decay : decay;
  }

  private Vector updates(Vector params, Vector direction, double rate, double decay) {
    Vector scaled = direction.times(-rate);
    return decay == 0 ? scaled : scaled.minus(decayFilter.scale(params, decay));
  }

  private void finish(Vector params) {
    modules.forEach(module -> module.afterStep(params));
    countStep();
  }

  private void countStep() {
    // Steps that fail later on were none.
    countStep(learningRate);
    countStep(weightDecay);
  }

  private static void countStep(Scheduler scheduler) {
    State before = scheduler.getState();
    Recording.onRollBack(() -> scheduler.setState(before));
    scheduler.stepDone();
  }

  private static void checkOperands(Vector params, Vector gradients) {
    if (params == gradients) {
      throw new IllegalArgumentException("The parameters and the gradients are the same vector");
    }
    if (!params.isStored()) {
      throw new IllegalArgumentException("The parameters are an expression; only memory can step");
    }
    if (!params.spec().equals(gradients.spec())) {
      params.spec().positions(gradients.spec(), "the parameters", "the gradients");
    }
    requireArithmetic(params);
  }

  private static void requireArithmetic(Vector params) {
    params.spec().requireArithmetic("step it with MixedPrecision, which keeps float32 weights");
  }

  // ---- rounds and rates ------------------------------------------------------------------------

  /** Tells all stages and rates that a new round of federated training begins. */
  public void startRound() {
    guarded(
        () -> {
          learningRate.startRound();
          weightDecay.startRound();
          forEachStage(Stage::startRound);
        });
  }

  /** Makes all stages forget their state, and the rates their counts. */
  public void reset() {
    guarded(
        () -> {
          learningRate.reset();
          weightDecay.reset();
          forEachStage(Stage::reset);
        });
  }

  private void guarded(Runnable action) {
    guard.acquireExclusive();
    try {
      action.run();
    } finally {
      guard.release();
    }
  }

  private void forEachStage(Consumer<Stage> action) {
    regularizers.forEach(action);
    modules.forEach(action);
  }

  /** Returns the rate of the next step. */
  public double learningRate() {
    return learningRate.rate();
  }

  /**
   * @param rate of the steps to come, in place of a scheduler if there was one; finite
   */
  public void setLearningRate(double rate) {
    setLearningRate(new ConstantRate(OptimizerBuilder.requireFinite("learning rate", rate)));
  }

  /**
   * @param scheduler of the steps to come, with counts of its own
   */
  public void setLearningRate(Scheduler scheduler) {
    guarded(() -> learningRate = scheduler);
  }

  /** Returns the weight decay of the next step; see {@link WeightDecay} for its meaning. */
  public double weightDecay() {
    return weightDecay.rate();
  }

  /**
   * @param decay of the steps to come, in place of a scheduler if there was one; finite
   */
  public void setWeightDecay(double decay) {
    setWeightDecay(new ConstantRate(OptimizerBuilder.requireFinite("weight decay", decay)));
  }

  /**
   * @param scheduler of the steps to come, with counts of its own
   */
  public void setWeightDecay(Scheduler scheduler) {
    guarded(() -> weightDecay = scheduler);
  }

  // ---- auxiliary variables ---------------------------------------------------------------------

  /**
   * @return what the modules have to say to their counterparts on other machines, by name; each to
   *     be closed by the caller
   */
  public Map<String, AuxVar> collectAuxVar() {
    Map<String, AuxVar> collected = new LinkedHashMap<>();
    guarded(
        () -> {
          for (OptiModule module : modules) {
            AuxVar aux = module.collectAuxVar();
            if (aux != null) {
              collected.put(aux.name(), aux);
            }
          }
        });
    return collected;
  }

  /**
   * @param aux from the modules' counterparts, by name; not kept
   * @throws IllegalArgumentException if no module takes one of them; none is processed then
   */
  public void processAuxVar(Map<String, AuxVar> aux) {
    for (String name : aux.keySet()) {
      if (modules.stream().noneMatch(module -> name.equals(module.auxName()))) {
        throw new IllegalArgumentException(
            "No module takes auxiliary variables named '"
                + name
                + "'; modules: "
                + modules.stream().map(OptiModule::name).toList());
      }
    }
    guarded(
        () -> {
          for (OptiModule module : modules) {
            AuxVar mine = aux.get(module.auxName());
            if (mine != null) {
              module.processAuxVar(mine);
            }
          }
        });
  }

  // ---- config and state ------------------------------------------------------------------------

  /**
   * @return the configuration as plain JSON data, in declearn's form: {@code lrate}, {@code
   *     w_decay}, each a number or [name, config], and {@code regularizers} and {@code modules} as
   *     lists of [name, config]; beyond declearn, {@code w_decay_mode} and {@code w_decay_filter}
   *     where they are not the default
   */
  public Map<String, Object> getConfig() {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("lrate", rateConfig(learningRate));
    config.put("w_decay", rateConfig(weightDecay));
    if (decayMode != WeightDecay.ABSOLUTE) {
      config.put("w_decay_mode", decayMode.toString());
    }
    Map<String, Object> filter = new LinkedHashMap<>();
    decayFilter.addTo(filter);
    if (!filter.isEmpty()) {
      config.put("w_decay_filter", filter);
    }
    config.put("regularizers", configs(regularizers));
    config.put("modules", configs(modules));
    return config;
  }

  private static Object rateConfig(Scheduler scheduler) {
    return scheduler instanceof ConstantRate
        ? scheduler.rate()
        : List.of(scheduler.name(), scheduler.getConfig());
  }

  private static List<Object> configs(List<? extends Stage> stages) {
    List<Object> configs = new ArrayList<>();
    stages.forEach(stage -> configs.add(List.of(stage.name(), stage.getConfig())));
    return configs;
  }

  /**
   * @param config as {@link #getConfig()} returns it
   * @return a new optimizer, without state
   * @throws IllegalArgumentException if the config names something unknown or lacks something
   */
  public static Optimizer fromConfig(Map<String, Object> config) {
    return OptimizerBuilder.fromConfig(config).build();
  }

  /** Returns a copy of the state of all stages and rates, to be closed by the caller. */
  public State getState() {
    guard.acquireExclusive();
    try {
      return state().save();
    } finally {
      guard.release();
    }
  }

  /**
   * Replaces the state of all stages and rates by a copy of another.
   *
   * @param state from {@link #getState()} of an optimizer with the same config
   * @throws IllegalArgumentException if it does not fit; everything keeps its former state
   */
  public void setState(State state) {
    guarded(() -> state().load(state));
  }

  private OptimizerState state() {
    return new OptimizerState(regularizers, modules, learningRate, weightDecay);
  }

  /** Closes all regularizers and modules, after waiting for a call in flight. */
  @Override
  public void close() {
    guard.close();
    selection.close();
    forEachStage(Stage::close);
  }

  @Override
  public String toString() {
    return guard + " at learning rate " + learningRate();
  }
}
