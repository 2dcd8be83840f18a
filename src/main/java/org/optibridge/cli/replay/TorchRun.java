package org.optibridge.cli.replay;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.State;
import org.optibridge.torch.TorchOptiModule;
import org.optibridge.torch.TorchOptimizers;
import org.optibridge.vector.SparseGradients;
import org.optibridge.vector.Vector;

/** Weights that an optimizer of torch steps in place, by groups with options of their own. */
final class TorchRun implements AutoCloseable {
  // How Python runs a step, not what it computes.
  private static final Set<String> PYTHON_ONLY =
      Set.of("foreach", "fused", "capturable", "differentiable");
  private static final String RATE = "lr";
  // Python takes the optimizer's own, whatever a group says.
  private static final String OF_ALL = "initial_accumulator_value";

  /** Weights that share options: those of the optimizer, and what they have in their place. */
  record Group(List<String> names, Map<String, Object> kwargs) {}

  private final Vector params;
  private final int groups;
  private TorchOptiModule module;
  private Optimizer optimizer;

  /**
   * @param cls {@code "torch.optim.Adam"}
   * @param kwargs as Python was given them
   * @param groups of all weights, or none
   * @param params the weights, owned by this from now on
   */
  TorchRun(String cls, Map<String, Object> kwargs, List<Group> groups, Vector params) {
    this.params = params;
    this.groups = groups.size();
    try {
      Object given = kwargs.get(RATE);
      double rate = given == null ? TorchOptimizers.get(cls).defaultLearningRate() : number(given);
      // Rates of groups are relative, which those to a rate of 0 can't be.
      double base = rate == 0 && !groups.isEmpty() ? 1 : rate;
      List<Object> entries = new ArrayList<>();
      for (Group group : groups) {
        Map<String, Object> options = options(cls, group.kwargs());
        Object own = group.kwargs().get(RATE);
        options.remove(OF_ALL);
        options.put(RATE, (own == null ? rate : number(own)) / base);
        entries.add(Map.of("include", group.names(), "kwargs", options));
      }
      Map<String, Object> config = new LinkedHashMap<>();
      config.put("optim_cls", cls);
      config.put("kwargs", options(cls, kwargs));
      if (!entries.isEmpty()) {
        config.put("groups", entries);
      }
      this.module = TorchOptiModule.fromConfig(config);
      this.optimizer = Optimizer.builder().learningRate(base).module(module).build();
    } catch (RuntimeException | Error e) {
      params.close();
      throw e;
    }
  }

  private TorchRun(Vector params, int groups, TorchOptiModule module, double rate) {
    this.params = params;
    this.groups = groups;
    this.module = module;
    this.optimizer = Optimizer.builder().learningRate(rate).module(module).build();
  }

  private static Map<String, Object> options(String cls, Map<String, Object> kwargs) {
    Map<String, Object> options = new LinkedHashMap<>();
    kwargs.forEach(
        (key, value) -> {
          if (isGiven(cls, key, value) && !PYTHON_ONLY.contains(key) && !key.equals(RATE)) {
            options.put(key, value);
          }
        });
    return options;
  }

  /** Whether an option says something: None may be a value or stand for nothing. */
  private static boolean isGiven(String cls, String key, @Nullable Object value) {
    return value != null
        || TorchOptimizers.get(cls).options().stream()
            .anyMatch(option -> option.name().equals(key) && option.takesNone());
  }

  private static double number(Object value) {
    if (value instanceof Number number) {
      return number.doubleValue();
    }
    throw new BadCaseException("'" + RATE + "' must be a number, not " + value);
  }

  Vector params() {
    return params;
  }

  /** Changes options of all groups; the state stays. */
  void set(Map<String, Object> changes) {
    Map<String, Object> options = options(module.spec().qualifiedName(), changes);
    Object rate = changes.get(RATE);
    if (rate != null) {
      optimizer.setLearningRate(number(rate));
    }
    if (!options.isEmpty()) {
      module.setOptions(options);
    }
    for (int group = 0; group < groups; group++) {
      Map<String, Object> own = new LinkedHashMap<>(options);
      own.remove(OF_ALL);
      if (rate != null) {
        own.put(RATE, 1.0);
      }
      module.setOptions(group, own);
    }
  }

  /** Goes on in a fresh optimizer with the same state. */
  void restart() {
    TorchOptiModule fresh = TorchOptiModule.fromConfig(module.getConfig());
    Optimizer next =
        Optimizer.builder().learningRate(optimizer.learningRate()).module(fresh).build();
    try (State state = optimizer.getState()) {
      next.setState(state);
    } catch (RuntimeException | Error e) {
      next.close();
      throw e;
    }
    optimizer.close();
    module = fresh;
    optimizer = next;
  }

  /** Steps the weights that have gradients. */
  void step(Field gradients) {
    List<String> names = params.spec().names().stream().filter(gradients::has).toList();
    if (names.isEmpty()) {
      return;
    }
    if (names.stream().anyMatch(name -> gradients.get(name).has("sparse"))) {
      try (SparseGradients given = SparseTensors.part(gradients, names)) {
        optimizer.step(params, given);
      }
      return;
    }
    try (Vector given = Tensor.part(gradients, names)) {
      optimizer.step(params, given);
    }
  }

  /** Compares the weights as they are to be evaluated; afterwards they can be trained on. */
  void checkEval(String place, Comparison check, Field expected) {
    module.evalWeights(params);
    check.part(place, params, expected);
    module.trainWeights(params);
  }

  void checkState(String place, StateCheck check, Map<String, Field> expected) {
    try (State state = optimizer.getState()) {
      State module = module(state);
      if (module.has("state")) {
        check.stateDict(place, module, expected, false);
      }
    }
  }

  private static State module(State pipeline) {
    return pipeline.state("modules").state("0:" + TorchOptiModule.NAME);
  }

  /** A run like this one that goes on from recorded weights and state. */
  TorchRun restored(RecordedState recorded) {
    List<String> names = params.spec().names();
    TorchRun copy =
        new TorchRun(
            recorded.params(names),
            groups,
            TorchOptiModule.fromConfig(module.getConfig()),
            optimizer.learningRate());
    try (State state = optimizer.getState()) {
      recorded.putInto(module(state), names);
      copy.optimizer.setState(state);
      return copy;
    } catch (RuntimeException | Error e) {
      copy.close();
      throw e;
    }
  }

  @Override
  public void close() {
    optimizer.close();
    params.close();
  }
}
