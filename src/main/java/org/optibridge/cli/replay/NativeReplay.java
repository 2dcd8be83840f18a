package org.optibridge.cli.replay;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.optibridge.torch.TorchOptiModule;
import org.optibridge.torch.TorchOptimizers;

/** Levels {@code native} and {@code state}: a framework's optimizer steps weights in place. */
final class NativeReplay implements AutoCloseable {
  private final Comparison check;
  private final List<String> names;
  private final List<TorchGroup> groups = new ArrayList<>();

  private NativeReplay(Field one, Comparison check) {
    this.check = check;
    this.names = Tensor.names(one);
    String module = Frameworks.module(one.get("framework"));
    if (!module.equals(TorchOptiModule.NAME)) {
      throw one.get("framework").wrong("has no optimizers that can step weights in place here");
    }
    String cls = one.get("optimizer").get("class").text();
    TorchOptimizers.get(cls); // says at once whether it is known
    if (one.has("mode") && !one.get("mode").isText("params")) {
      throw one.get("mode").wrong("must be \"params\"; a closure can't be replayed");
    }
    try {
      makeGroups(one, cls);
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  private void makeGroups(Field one, String cls) {
    Field params = one.get("params0");
    Tensor.requireNames(params, names);
    Map<String, Object> defaults = kwargs(one.get("optimizer"));
    Set<String> rest = new LinkedHashSet<>(names);
    boolean split = hasMissingGradients(one);
    if (!one.has("groups")) {
      add(cls, defaults, params, names, split);
      return;
    }
    for (Field group : one.get("groups").list()) {
      List<String> members = group.get("names").texts();
      if (!rest.containsAll(members)) {
        throw group.get("names").wrong("must be names of the case, each in one group");
      }
      members.forEach(rest::remove);
      Map<String, Object> options = new LinkedHashMap<>(defaults);
      options.putAll(kwargs(group));
      add(cls, options, params, members, split);
    }
    if (!rest.isEmpty()) {
      throw one.get("groups").wrong("must have all names; they lack " + rest);
    }
  }

  private static Map<String, Object> kwargs(Field of) {
    return of.has("kwargs") ? of.get("kwargs").map() : Map.of();
  }

  /** Torch counts steps for each weight; with gradients missing that shows. */
  private boolean hasMissingGradients(Field one) {
    for (String key : List.of("steps_before", "steps")) {
      for (Field step : one.optionalList(key)) {
        if (!step.get("gradients").entries().keySet().containsAll(names)) {
          return true;
        }
      }
    }
    return false;
  }

  private void add(
      String cls, Map<String, Object> options, Field params, List<String> members, boolean split) {
    if (split) {
      for (String name : members) {
        add(cls, options, params, List.of(name), false);
      }
    } else if (!members.isEmpty()) {
      groups.add(new TorchGroup(cls, new LinkedHashMap<>(options), Tensor.part(params, members)));
    }
  }

  /** Level {@code native}: weights after each step, each going on with its own. */
  static void steps(Field one, Comparison check) {
    try (NativeReplay replay = new NativeReplay(one, check)) {
      replay.steps(one, "steps", "step ");
    }
  }

  /**
   * Level {@code state}: up to the saved state, which is compared, and on from there in a fresh
   * optimizer: once with the state arrived at, once with the recorded one.
   */
  static void state(Field one, Comparison check) {
    try (NativeReplay replay = new NativeReplay(one, check)) {
      replay.steps(one, "steps_before", "step before ");
      replay.params("params_at_k", one.get("params_at_k"));
      StateCheck states = new StateCheck(check, replay.names);
      Map<String, Field> saved = states.byKey(one.get("state_dict").get("state"));
      List<TorchGroup> restored = new ArrayList<>();
      try {
        for (TorchGroup group : replay.groups) {
          group.checkSlots("state_dict", states, saved);
          restored.add(group.restored(one.get("params_at_k"), saved));
          group.restart();
        }
        replay.steps(one, "steps", "step ");
      } finally {
        replay.close();
        replay.groups.clear();
        replay.groups.addAll(restored);
      }
      replay.steps(one, "steps", "with the recorded state, step ");
    }
  }

  private void steps(Field one, String key, String prefix) {
    int number = 0;
    for (Field step : one.get(key).list()) {
      number++;
      for (Field event : step.optionalList("before")) {
        if (event.isText("state_roundtrip")) {
          groups.forEach(TorchGroup::restart);
        } else {
          Map<String, Object> changes = event.get("set").map();
          groups.forEach(group -> group.set(changes));
        }
      }
      Field gradients = step.get("gradients");
      if (!names.containsAll(gradients.entries().keySet())) {
        throw gradients.wrong("must have no names but " + names);
      }
      groups.forEach(group -> group.step(gradients));
      params(prefix + number + ", params", step.get("params"));
    }
  }

  private void params(String place, Field expected) {
    Tensor.requireNames(expected, names);
    groups.forEach(group -> check.part(place, group.params(), expected));
  }

  @Override
  public void close() {
    groups.forEach(TorchGroup::close);
  }
}
