package org.optibridge.cli.replay;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.optibridge.optimizer.State;
import org.optibridge.tensorflow.TensorflowOptiModule;
import org.optibridge.torch.TorchOptiModule;
import org.optibridge.vector.Vector;

/**
 * Compares states with recorded ones, entry by entry, by name. Null and the number 0 stand for what
 * is not set yet. Entries that were not recorded are left alone.
 */
final class StateCheck {
  // Odd functions of the gradients: the origin hands -g to torch, which flips their sign.
  private static final Set<String> ODD_SLOTS =
      Set.of("exp_avg", "momentum_buffer", "grad_avg", "prev", "ax");

  private final Comparison check;
  private final List<String> names;

  /** For vectors whose names have the given order, which indices refer to. */
  StateCheck(Comparison check, List<String> names) {
    this.check = check;
    this.names = names;
  }

  /** Compares the state of a module, regularizer or scheduler of that name. */
  void stage(String place, String name, State actual, Field expected) {
    if (name.equals(TorchOptiModule.NAME)) {
      if (actual.has("state")) {
        stateDict(place, actual, byPosition(expected.get("state").list()), true);
      }
    } else if (name.equals(TensorflowOptiModule.NAME)) {
      KerasState.check(check, place, names, actual, expected);
    } else {
      entries(place, actual, expected);
    }
  }

  /** Compares the state of a pipeline. */
  void pipeline(String place, State actual, Field expected, Map<String, Object> config) {
    for (String rate : List.of("lrate", "w_decay")) {
      if (expected.has(rate)) {
        boolean scheduled = config.get(rate) instanceof List<?>;
        rate(place + ", " + rate, actual.state(rate), expected.get(rate), scheduled);
      }
    }
    State modules = actual.state("modules");
    List<String> keys = List.copyOf(modules.keys());
    List<Field> recorded = expected.optionalList("modules");
    if (keys.size() != recorded.size()) {
      check.fault(place, "expected " + recorded.size() + " modules, got " + keys);
      return;
    }
    for (int i = 0; i < keys.size(); i++) {
      List<Field> pair = recorded.get(i).list();
      if (pair.size() != 2) {
        throw recorded.get(i).wrong("must be [name, state]");
      }
      String name = pair.get(0).text();
      check.same(place + ", module " + i, keys.get(i), i + ":" + name);
      stage(place + ", " + name, name, modules.state(keys.get(i)), pair.get(1));
    }
  }

  /**
   * The origin's pipelines read each rate one step ahead, and don't count the steps of constant
   * ones; counts that depend on that say nothing about ours.
   */
  private void rate(String place, State actual, Field expected, boolean scheduled) {
    check.number(place + ", rounds", actual.number("rounds"), expected.get("rounds").number());
    double recorded = expected.get("steps").number();
    double steps = actual.number("steps");
    boolean fits = scheduled ? recorded == steps || recorded == steps + 1 : recorded == 0;
    if (!fits && recorded != steps) {
      check.fault(place + ", steps", "expected " + recorded + ", got " + steps);
    }
  }

  private void entries(String place, State actual, Field expected) {
    expected.entries().forEach((key, value) -> entry(place + ", " + key, actual, key, value));
  }

  private void entry(String place, State actual, String key, Field expected) {
    boolean there = actual.has(key);
    if (expected.isNull() || expected.isNumber()) {
      number(place, actual, key, expected.isNull() ? 0 : expected.number());
    } else if (expected.isObject() && !expected.has("coefs")) {
      try (State none = new State()) {
        entries(place, there ? actual.state(key) : none, expected);
      }
    } else if (!there) {
      check.fault(place, "the state lacks this entry; it has " + actual.keys());
    } else if (expected.isList()) {
      check.same(place, texts(actual.state(key)), new TreeSet<>(expected.texts()));
    } else if (expected.isText()) {
      check.same(place, actual.text(key), expected.text());
    } else {
      check.vector(place, actual.vector(key), expected.get("coefs"));
    }
  }

  private static Set<String> texts(State list) {
    Set<String> texts = new TreeSet<>();
    list.keys().forEach(key -> texts.add(list.text(key)));
    return texts;
  }

  private void number(String place, State actual, String key, double expected) {
    if (!actual.has(key)) {
      if (expected != 0) {
        check.fault(place, "expected " + expected + ", the state has " + actual.keys());
      }
      return;
    }
    Vector vector;
    try {
      vector = actual.vector(key);
    } catch (IllegalArgumentException notOne) {
      check.number(place, actual.number(key), expected);
      return;
    }
    // Set early here: the recorded number stands for each element.
    for (String name : vector.spec().names()) {
      for (double value : vector.toDoubles(name)) {
        check.number(place + ", " + name, value, expected);
      }
    }
  }

  /** Torch's form: pairs of a position among the names and an object of slots. */
  private Map<String, Field> byPosition(List<Field> pairs) {
    Map<String, Field> entries = new LinkedHashMap<>();
    for (Field pair : pairs) {
      List<Field> both = pair.list();
      if (both.size() != 2) {
        throw pair.wrong("must be [position, slots]");
      }
      if (entries.put(name(both.get(0), both.get(0).number()), both.get(1)) != null) {
        throw both.get(0).wrong("is there twice");
      }
    }
    return entries;
  }

  /** The form of a {@code state_dict}: an object whose keys are positions among the names. */
  Map<String, Field> byKey(Field state) {
    Map<String, Field> entries = new LinkedHashMap<>();
    state
        .entries()
        .forEach(
            (key, slots) -> {
              if (!key.matches("\\d{1,9}")) {
                throw slots.wrong("must be under the position of a name");
              }
              entries.put(name(slots, Integer.parseInt(key)), slots);
            });
    return entries;
  }

  private String name(Field field, double position) {
    if (position != Math.rint(position) || position < 0 || position >= names.size()) {
      throw field.wrong("must be the position of one of " + names);
    }
    return names.get((int) position);
  }

  /** Compares those entries that both have, up to the sign of first moments if that may differ. */
  void stateDict(String place, State actual, Map<String, Field> expected, boolean anySign) {
    List<String> params = actual.spec("params").names();
    Vector vector = actual.vector("state");
    Map<String, Map<String, Tensor>> bySlot = new LinkedHashMap<>();
    for (String entry : vector.spec().names()) {
      int dot = entry.indexOf('.');
      String slot = entry.substring(dot + 1);
      Field entries = expected.get(param(params, entry));
      if (entries != null && entries.has(slot)) {
        bySlot
            .computeIfAbsent(slot, key -> new LinkedHashMap<>())
            .put(entry, Tensor.read(entries.get(slot)));
      }
    }
    bySlot.forEach(
        (slot, recorded) -> {
          int sign = anySign && ODD_SLOTS.contains(slot) ? Comparison.sign(vector, recorded) : 1;
          recorded.forEach(
              (entry, tensor) ->
                  check.tensor(
                      place + ", " + slot + ", " + param(params, entry),
                      vector,
                      entry,
                      sign,
                      tensor));
        });
  }

  private static String param(List<String> params, String entry) {
    return params.get(Integer.parseInt(entry.substring(0, entry.indexOf('.'))));
  }
}
