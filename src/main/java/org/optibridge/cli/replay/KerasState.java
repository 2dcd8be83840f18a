package org.optibridge.cli.replay;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.State;
import org.optibridge.vector.Vector;

/**
 * Finds a module's state in Keras's: a list of variables, first the count of calls and the learning
 * rate, then averages, sums of gradients and the slots, in an order that depends on the class.
 */
final class KerasState {
  private record Variable(String slot, String name) {}

  // Slots in one list alternate: both of the first weight, both of the second, and so on.
  private static final List<List<String>> ADAM =
      List.of(List.of("momentum", "velocity"), List.of("velocity_hat"));
  private static final Map<String, List<List<String>>> ORDERS =
      Map.of(
          "Adam", ADAM,
          "AdamW", ADAM,
          "RMSprop",
              List.of(List.of("velocity"), List.of("momentum"), List.of("average_gradient")));

  private KerasState() {}

  /** Compares what was recorded under positions of the list, {@code "0"}, {@code "1"}, … */
  static void check(
      Comparison check, String place, List<String> names, State actual, Field expected) {
    if (expected.get("state").isNull() || expected.get("state").isNumber()) {
      return; // not set yet
    }
    Map<String, Field> recorded = expected.get("state").get("coefs").entries();
    check(check, place, names, actual, position -> recorded.get(String.valueOf(position)));
  }

  private interface Recorded {
    @Nullable Field at(int position);
  }

  private static void check(
      Comparison check, String place, List<String> names, State actual, Recorded recorded) {
    Field calls = recorded.at(0);
    if (calls != null) {
      double counted = calls.get("data").list().get(0).number();
      check.number(place + ", iteration", actual.number("iterations"), counted);
    }
    int position = 2;
    for (Variable variable : variables(names, actual)) {
      Field field = recorded.at(position++);
      Vector vector = vector(actual, variable.slot);
      if (field == null || vector == null) {
        check.fault(place, "there is no variable " + (position - 1) + ", " + variable);
        return;
      }
      // Where a weight has no such slot Keras keeps a number; where ours is empty Keras fills it.
      if (vector.spec().get(variable.name).numel() > 0) {
        check.tensor(place + ", " + variable.slot, vector, variable.name, 1, Tensor.read(field));
      }
    }
  }

  private static @Nullable Vector vector(State state, String slot) {
    if (state.has(slot)) {
      return state.vector(slot);
    }
    return state.has("slots") && state.state("slots").has(slot)
        ? state.state("slots").vector(slot)
        : null;
  }

  private static List<Variable> variables(List<String> names, State state) {
    List<List<String>> groups = new ArrayList<>();
    for (String own : List.of("average", "gradient_accumulator")) {
      if (state.has(own)) {
        groups.add(List.of(own));
      }
    }
    if (state.has("slots")) {
      List<String> slots = List.copyOf(state.state("slots").keys());
      String cls = state.text("optim_cls");
      groups.addAll(ORDERS.getOrDefault(cls.substring(cls.lastIndexOf('.') + 1), List.of(slots)));
      groups.replaceAll(
          group -> group.stream().filter(slot -> slots.contains(slot) || state.has(slot)).toList());
    }
    List<Variable> all = new ArrayList<>();
    for (List<String> group : groups) {
      for (String name : names) {
        group.forEach(slot -> all.add(new Variable(slot, name)));
      }
    }
    return all;
  }
}
