package org.optibridge.optimizer;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.optibridge.memory.NativeHandle;
import org.optibridge.vector.Vector;

/**
 * A pipeline from gradients to updated weights, after declearn's {@code Optimizer}:
 *
 * <pre>updates = -learningRate × modules(regularizers(gradients, params)) - weightDecay × params
 * params += updates</pre>
 *
 * <p>The weight decay is not multiplied by the learning rate. If the last module can step weights
 * itself and no weight decay is set, it does so in place, with equal meaning and without another
 * pass over memory.
 *
 * <p><b>Ownership.</b> The optimizer owns its regularizers and modules and closes them with itself.
 *
 * <p><b>Thread-safety.</b> One call at a time; a second one at once gets a {@link
 * org.optibridge.memory.ConcurrentUseException} before anything is changed.
 */
public final class Optimizer implements AutoCloseable {
  private final List<Regularizer> regularizers;
  private final List<OptiModule> modules;
  private final Guard guard;
  private double learningRate;
  private double weightDecay;

  private Optimizer(OptimizerBuilder builder) {
    this.regularizers = List.copyOf(builder.regularizers);
    this.modules = List.copyOf(builder.modules);
    this.learningRate = builder.learningRate;
    this.weightDecay = builder.weightDecay;
    this.guard = new Guard("Optimizer " + modules.stream().map(OptiModule::name).toList());
  }

  /** Serializes calls; what it guards is closed by the modules' own handles. */
  private static final class Guard extends NativeHandle {
    Guard(String description) {
      super(description, 0, () -> {});
    }
  }

  static Optimizer of(OptimizerBuilder builder) {
    return new Optimizer(builder);
  }

  /** Returns a builder; a learning rate is all it needs. */
  public static OptimizerBuilder builder() {
    return new OptimizerBuilder();
  }

  /**
   * One optimization step, in place.
   *
   * @param params the weights, read and written
   * @param gradients of the loss by the weights, of an equal spec; read only
   * @throws IllegalArgumentException if the specs differ from one another or from those of the
   *     steps before; nothing is changed then
   */
  public void step(Vector params, Vector gradients) {
    checkOperands(params, gradients);
    guard.acquireExclusive();
    try {
      int last = modules.size() - 1;
      boolean inPlace = last >= 0 && weightDecay == 0 && modules.get(last) instanceof InPlaceModule;
      Vector direction = direction(params, gradients, inPlace ? modules.subList(0, last) : modules);
      if (inPlace) {
        ((InPlaceModule) modules.get(last)).stepInPlace(params, direction, learningRate);
      } else {
        params.assign(params.plus(updates(params, direction)));
      }
    } finally {
      guard.release();
    }
  }

  /**
   * What {@link #step} would add to the weights, which are left alone; the state of the modules
   * moves on.
   *
   * @param params the weights, read only
   * @param gradients of an equal spec, read only
   * @return a stored vector, to be closed by the caller
   */
  public Vector computeUpdates(Vector params, Vector gradients) {
    checkOperands(params, gradients);
    guard.acquireExclusive();
    try {
      return updates(params, direction(params, gradients, modules)).materialize();
    } finally {
      guard.release();
    }
  }

  private Vector direction(Vector params, Vector gradients, List<OptiModule> stages) {
    Vector direction = gradients;
    for (Regularizer regularizer : regularizers) {
      direction = regularizer.run(direction, params);
    }
    for (OptiModule stage : stages) {
      direction = stage.run(direction, params);
    }
    return direction;
  }

  private Vector updates(Vector params, Vector direction) {
    Vector scaled = direction.times(-learningRate);
    return weightDecay == 0 ? scaled : scaled.minus(params.times(weightDecay));
  }

  /**
   * @param params the weights, written in place: {@code params += updates}
   * @param updates of an equal spec
   */
  public void applyUpdates(Vector params, Vector updates) {
    params.assign(params.plus(updates));
  }

  private static void checkOperands(Vector params, Vector gradients) {
    if (params == gradients) {
      throw new IllegalArgumentException("The parameters and the gradients are the same vector");
    }
    if (!params.isStored()) {
      throw new IllegalArgumentException("The parameters are an expression; only memory can step");
    }
    params.spec().requireSame(gradients.spec(), "the parameters", "the gradients");
  }

  /** Tells regularizers that a new round of federated training begins. */
  public void startRound() {
    guard.acquireExclusive();
    try {
      regularizers.forEach(Regularizer::startRound);
    } finally {
      guard.release();
    }
  }

  /** Makes all modules forget their state. */
  public void reset() {
    guard.acquireExclusive();
    try {
      modules.forEach(OptiModule::reset);
    } finally {
      guard.release();
    }
  }

  /** Returns the rate of the next step. */
  public double learningRate() {
    return learningRate;
  }

  /**
   * @param rate of the steps to come; finite
   */
  public void setLearningRate(double rate) {
    this.learningRate = OptimizerBuilder.requireFinite("learning rate", rate);
  }

  /** Returns the weight decay, not multiplied by the rate. */
  public double weightDecay() {
    return weightDecay;
  }

  /**
   * @param decay of the steps to come; finite
   */
  public void setWeightDecay(double decay) {
    this.weightDecay = OptimizerBuilder.requireFinite("weight decay", decay);
  }

  /**
   * @return the configuration as plain JSON data, in declearn's form: {@code lrate}, {@code
   *     w_decay}, and {@code regularizers} and {@code modules} as lists of [name, config]
   */
  public Map<String, Object> getConfig() {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("lrate", learningRate);
    config.put("w_decay", weightDecay);
    List<Object> terms = new ArrayList<>();
    regularizers.forEach(term -> terms.add(List.of(term.name(), term.getConfig())));
    config.put("regularizers", terms);
    List<Object> stages = new ArrayList<>();
    modules.forEach(stage -> stages.add(List.of(stage.name(), stage.getConfig())));
    config.put("modules", stages);
    return config;
  }

  /**
   * @param config as {@link #getConfig()} returns it
   * @return a new optimizer, without state
   * @throws IllegalArgumentException if the config names something unknown or lacks something
   */
  public static Optimizer fromConfig(Map<String, Object> config) {
    return OptimizerBuilder.fromConfig(config).build();
  }

  /** Returns a copy of the state of all modules, to be closed by the caller. */
  public State getState() {
    guard.acquireExclusive();
    State state = new State();
    try {
      for (int i = 0; i < modules.size(); i++) {
        state.put(key(i), modules.get(i).getState());
      }
      return state;
    } catch (RuntimeException | Error e) {
      state.close();
      throw e;
    } finally {
      guard.release();
    }
  }

  /**
   * Replaces the state of all modules by a copy of another.
   *
   * @param state from {@link #getState()} of an optimizer with the same config
   * @throws IllegalArgumentException if it does not fit; all modules keep their former state
   */
  public void setState(State state) {
    guard.acquireExclusive();
    List<State> former = new ArrayList<>();
    try {
      for (int i = 0; i < modules.size(); i++) {
        State next = state.state(key(i));
        former.add(modules.get(i).getState());
        modules.get(i).setState(next);
      }
    } catch (RuntimeException | Error e) {
      for (int i = 0; i < former.size(); i++) {
        modules.get(i).setState(former.get(i));
      }
      throw e;
    } finally {
      former.forEach(State::close);
      guard.release();
    }
  }

  private String key(int position) {
    return position + ":" + modules.get(position).name();
  }

  /** Closes all regularizers and modules, after waiting for a call in flight. */
  @Override
  public void close() {
    guard.close();
    regularizers.forEach(Regularizer::close);
    modules.forEach(OptiModule::close);
  }

  @Override
  public String toString() {
    return guard + " at learning rate " + learningRate;
  }
}
