package org.optibridge.optimizer;

import java.util.ArrayList;
import java.util.List;

/**
 * Saves and loads what an optimizer remembers: its stages, under their position and name, and the
 * counts of its rates.
 */
record OptimizerState(
    List<Regularizer> regularizers,
    List<OptiModule> modules,
    Scheduler learningRate,
    Scheduler weightDecay) {
  private static final String REGULARIZERS = "regularizers";
  private static final String MODULES = "modules";
  private static final String RATE = "lrate";
  private static final String DECAY = "w_decay";

  State save() {
    State state = new State();
    try {
      state.put(RATE, learningRate.getState()).put(DECAY, weightDecay.getState());
      return state.put(REGULARIZERS, states(regularizers)).put(MODULES, states(modules));
    } catch (RuntimeException | Error e) {
      state.close();
      throw e;
    }
  }

  private static State states(List<? extends Stage> stages) {
    State state = new State();
    try {
      for (int i = 0; i < stages.size(); i++) {
        state.put(key(stages, i), stages.get(i).getState());
      }
      return state;
    } catch (RuntimeException | Error e) {
      state.close();
      throw e;
    }
  }

  private static String key(List<? extends Stage> stages, int position) {
    return position + ":" + stages.get(position).name();
  }

  /** Loads all of a state, or nothing. */
  void load(State state) {
    requireStages(state.state(REGULARIZERS), regularizers, REGULARIZERS);
    requireStages(state.state(MODULES), modules, MODULES);
    try (State former = save()) {
      try {
        loadEach(state);
      } catch (RuntimeException | Error e) {
        loadEach(former);
        throw e;
      }
    }
  }

  private static void requireStages(State state, List<? extends Stage> stages, String what) {
    List<String> keys = new ArrayList<>();
    for (int i = 0; i < stages.size(); i++) {
      keys.add(key(stages, i));
    }
    if (!keys.equals(List.copyOf(state.keys()))) {
      throw new IllegalArgumentException(
          "The state is of the " + what + " " + state.keys() + ", the optimizer has " + keys);
    }
  }

  private void loadEach(State state) {
    loadStages(state.state(REGULARIZERS), regularizers);
    loadStages(state.state(MODULES), modules);
    learningRate.setState(state.state(RATE));
    weightDecay.setState(state.state(DECAY));
  }

  private static void loadStages(State state, List<? extends Stage> stages) {
    for (int i = 0; i < stages.size(); i++) {
      stages.get(i).setState(state.state(key(stages, i)));
    }
  }
}
