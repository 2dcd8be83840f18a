package org.optibridge.cli.replay;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.State;
import org.optibridge.torch.TorchOptiModule;
import org.optibridge.torch.TorchOptimizers;
import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorBuilder;

/** Weights that an optimizer of torch steps in place, all with the same options. */
final class TorchGroup implements AutoCloseable {
  // How Python runs a step, not what it computes.
  private static final Set<String> PYTHON_ONLY =
      Set.of("foreach", "fused", "capturable", "differentiable");
  private static final String RATE = "lr";

  private final String cls;
  private final Map<String, Object> options;
  private final Vector params;
  private Optimizer optimizer;

  /**
   * @param cls {@code "torch.optim.Adam"}
   * @param options as Python was given them
   * @param params the weights, owned by this from now on
   */
  TorchGroup(String cls, Map<String, Object> options, Vector params) {
    this.cls = cls;
    this.options = options;
    this.params = params;
    try {
      this.optimizer = Optimizer.fromConfig(config());
    } catch (RuntimeException | Error e) {
      params.close();
      throw e;
    }
  }

  private Map<String, Object> config() {
    Map<String, Object> kwargs = new LinkedHashMap<>();
    options.forEach(
        (key, value) -> {
          if (isGiven(value) && !PYTHON_ONLY.contains(key) && !key.equals(RATE)) {
            kwargs.put(key, value);
          }
        });
    Object given = options.get(RATE);
    Object rate = given == null ? TorchOptimizers.get(cls).defaultLearningRate() : given;
    Map<String, Object> module = Map.of("optim_cls", cls, "kwargs", kwargs);
    return Map.of("lrate", rate, "modules", List.of(List.of(TorchOptiModule.NAME, module)));
  }

  private static boolean isGiven(@Nullable Object value) {
    return value != null;
  }

  List<String> names() {
    return params.spec().names();
  }

  Vector params() {
    return params;
  }

  /** Changes options; the state stays. */
  void set(Map<String, Object> changes) {
    options.putAll(changes);
    if (changes.keySet().equals(Set.of(RATE)) && changes.get(RATE) instanceof Number rate) {
      optimizer.setLearningRate(rate.doubleValue());
    } else {
      restart();
    }
  }

  /** Goes on in a fresh optimizer with the same state. */
  void restart() {
    optimizer = OptimizerReplay.moved(optimizer, config());
  }

  /** Steps the weights; without gradients they, their state and their count of steps stay. */
  void step(Field gradients) {
    List<String> names = names();
    if (names.stream().noneMatch(gradients::has)) {
      return;
    }
    try (Vector given = Tensor.part(gradients, names)) {
      optimizer.step(params, given);
    }
  }

  void checkSlots(String place, StateCheck check, Map<String, Field> expected) {
    try (State state = optimizer.getState()) {
      State module = module(state);
      if (module.has("slots")) {
        check.slots(place, module.state("slots"), expected, false);
      }
    }
  }

  private static State module(State pipeline) {
    return pipeline.state("modules").state("0:" + TorchOptiModule.NAME);
  }

  /** A group like this one that goes on from recorded weights and state. */
  TorchGroup restored(Field weights, Map<String, Field> slots) {
    TorchGroup copy =
        new TorchGroup(cls, new LinkedHashMap<>(options), Tensor.part(weights, names()));
    try (State state = optimizer.getState()) {
      State module = module(state);
      if (module.has("slots")) {
        State mine = module.state("slots");
        for (String slot : List.copyOf(mine.keys())) {
          Vector former = mine.vector(slot);
          mine.put(slot, recorded(slot, former, slots));
          former.close();
        }
      }
      copy.optimizer.setState(state);
      return copy;
    } catch (RuntimeException | Error e) {
      copy.close();
      throw e;
    }
  }

  /** A slot's vector with what was recorded of it in place of what is there. */
  private static Vector recorded(String slot, Vector former, Map<String, Field> slots) {
    VectorBuilder builder = Vector.builder();
    for (TensorSpec spec : former.spec().tensors()) {
      Field entries = slots.get(spec.name());
      double[] data = former.toDoubles(spec.name());
      if (entries != null && entries.has(slot)) {
        double[] given = Tensor.read(entries.get(slot)).data();
        if (given.length != data.length) {
          throw entries.get(slot).wrong("must have " + data.length + " elements");
        }
        data = given;
      }
      new Tensor(spec.shape(), spec.dtype(), data).addTo(builder, spec.name());
    }
    return builder.build();
  }

  @Override
  public void close() {
    optimizer.close();
    params.close();
  }
}
