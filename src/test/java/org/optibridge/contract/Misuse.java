package org.optibridge.contract;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.optibridge.optimizer.AuxVar;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.Registry;
import org.optibridge.optimizer.State;
import org.optibridge.optimizer.StateValues;
import org.optibridge.testing.Vectors;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorBuilder;

/** What {@link GoldenErrorsTest} does wrong; each checks that a refusal leaves all as it was. */
final class Misuse {
  private Misuse() {}

  static OptiModule module(String name, Map<String, Object> config) {
    return Registry.module(name, config);
  }

  static Vector vector(String... names) {
    VectorBuilder builder = Vector.builder();
    for (String name : names) {
      builder.copy(name, new float[] {1, 2}, 2);
    }
    return builder.build();
  }

  static void add(Vector left, Vector right) {
    try (left;
        right;
        Vector sum = left.plus(right).materialize()) {
      assertThat(sum.toDoubles("a")).containsExactly(2, 4);
    }
  }

  /** Restores a state into a module that has run; a refusal must leave it as it was. */
  static void restore(String name, State state) {
    try (OptiModule module = module(name, Map.of());
        Vector gradients = Vectors.w(1, 2)) {
      module.run(gradients, null);
      Map<String, Object> before = StateValues.of(module);
      try (state) {
        module.setState(state);
      } catch (RuntimeException e) {
        assertThat(StateValues.of(module)).isEqualTo(before);
        throw e;
      }
      assertThat(StateValues.of(module)).isEmpty();
    }
  }

  static void adamWithoutMaximum() {
    try (OptiModule with = module("adam", Map.of("amsgrad", true));
        OptiModule without = module("adam", Map.of());
        Vector gradients = Vectors.w(1, 2)) {
      without.run(gradients, null);
      try (State state = without.getState()) {
        with.setState(state);
      }
    }
  }

  // ---- auxiliary variables
  // -----------------------------------------------------------------------

  static AuxVar scaffold(String kind) {
    State content = new State().put(kind, 0);
    if (kind.equals("delta")) {
      content.put("clients", new State().put("0", "somebody"));
    }
    return Registry.auxVar("scaffold", content);
  }

  static void process(String name, AuxVar sent) {
    try (OptiModule module = module(name, Map.of());
        AuxVar aux = sent) {
      module.processAuxVar(aux);
    }
  }

  static void collectBeforeRun() {
    try (OptiModule client = module("scaffold-client", Map.of())) {
      assertThat(client.collectAuxVar()).isNull();
    }
  }

  static void auxWithoutTaker() {
    try (Optimizer optimizer = Optimizer.builder().learningRate(1).build();
        AuxVar aux = scaffold("state")) {
      optimizer.processAuxVar(Map.of("scaffold", aux));
    }
  }

  static AuxVar otherAux() {
    return new OtherAux();
  }

  private static final class OtherAux implements AuxVar {
    @Override
    public String name() {
      return "other";
    }

    @Override
    public AuxVar aggregate(AuxVar other) {
      return this;
    }

    @Override
    public State toState() {
      return new State();
    }

    @Override
    public void close() {}

    @Override
    public String toString() {
      return "other variables";
    }
  }

  // ---- states of optimizers
  // ------------------------------------------------------------------------

  interface Change {
    State of(State good);
  }

  /** Restores a changed state into an optimizer that has run, which keeps its own. */
  static void restoreOptimizer(Change change) {
    Map<String, Object> config =
        Map.of("lrate", 0.1, "modules", List.of("momentum", List.of("adam", Map.of())));
    try (Optimizer optimizer = Optimizer.fromConfig(config);
        Vector params = Vectors.w(1, 2);
        Vector gradients = Vectors.w(3, 4)) {
      optimizer.step(params, gradients);
      Map<String, Object> before = StateValues.of(optimizer);
      try (State good = optimizer.getState()) {
        optimizer.step(params, gradients);
        Map<String, Object> now = StateValues.of(optimizer);
        assertThat(now).isNotEqualTo(before);
        // What the change did not copy belongs to the good state.
        State changed = change.of(good);
        try {
          optimizer.setState(changed);
        } finally {
          assertThat(StateValues.of(optimizer)).isEqualTo(now);
        }
      }
    }
  }

  static State copy(State from, String key, State instead) {
    State to = new State();
    for (String entry : from.keys()) {
      if (!entry.equals(key)) {
        to.put(entry, from.state(entry));
      } else if (instead != null) {
        to.put(entry, instead);
      }
    }
    return to;
  }

  /** States of modules that never ran: the first one would be restored, the second lacks steps. */
  static State modules(String... names) {
    State modules = new State();
    for (String name : names) {
      modules.put(name, new State());
    }
    return modules;
  }
}
