package org.optibridge.torch;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.State;
import org.optibridge.vector.VectorSpec;

/**
 * A module's state in the layout of {@code Optimizer.state_dict()}, from which Python goes on.
 *
 * <pre>{@code
 * optim_cls     "torch.optim.Adam"
 * param_groups  [{"lr": 0.001, "betas": [0.9, 0.999], …, "params": [0, 1]}]
 * params        names, shapes and dtypes of the parameters, in order
 * state         a vector of all entries: "0.step", "0.exp_avg", …, "1.step", …
 * }</pre>
 *
 * <p>The last two are there from the first step on; {@code state} only if there are entries.
 *
 * @param handle tells which entries there are
 * @param spec of the optimizer
 * @param groups tells the module's
 */
record TorchStateDict(TorchHandle handle, TorchOptimizerSpec spec, Groups groups) {
  private static final System.Logger LOGGER = System.getLogger("org.optibridge.torch");

  private static final String CLASS = "optim_cls";
  private static final String GROUPS = "param_groups";
  private static final String PARAMS = "params";
  private static final String STATE = "state";

  /** Tells the groups of a module. */
  interface Groups {
    /**
     * @param params the parameters; null if there are none yet
     * @param rate the learning rate that the groups' own are shares of
     */
    List<TorchParamGroup> of(@Nullable VectorSpec params, double rate);
  }

  /**
   * A saved state.
   *
   * @param slots null before the first step
   * @param rate the learning rate of the last step
   */
  record Loaded(@Nullable TorchSlots slots, double rate) {}

  /**
   * A copy of the state; each element is copied once, to one allocation for all of them. Slots that
   * options made needless are not part of it.
   *
   * @param rate the learning rate of the last step
   */
  State save(@Nullable TorchSlots slots, double rate) {
    TorchEntries entries = slots == null ? null : new TorchEntries(handle, spec, slots.spec());
    boolean begun = entries != null && slots != null && entries.isBegun(slots);
    VectorSpec params = begun && slots != null ? slots.spec() : null;
    State state =
        new State()
            .put(CLASS, spec.qualifiedName())
            .put(GROUPS, groups.of(params, rate).stream().map(one -> one.write(spec)).toList());
    if (params != null && entries != null && slots != null) {
      state.put(PARAMS, params);
      if (entries.any()) {
        state.put(STATE, entries.copy(slots));
      }
    }
    return state;
  }

  /**
   * A copy of a saved state; nothing is kept of one that does not fit.
   *
   * @param more entries that there are besides
   * @throws IllegalArgumentException saying what does not fit
   */
  Loaded load(State state, Set<String> more) {
    String cls = state.text(CLASS);
    if (!cls.equals(spec.qualifiedName())) {
      throw refused("a state of " + cls + " can't be loaded into it");
    }
    Set<String> needed = new HashSet<>(Set.of(CLASS, GROUPS));
    needed.addAll(more);
    VectorSpec params = state.has(PARAMS) ? state.spec(PARAMS) : null;
    TorchEntries entries = params == null ? null : new TorchEntries(handle, spec, params);
    if (entries != null) {
      needed.add(PARAMS);
      if (entries.any()) {
        needed.add(STATE);
      }
    }
    if (!needed.equals(state.keys())) {
      throw refused("the state has the entries " + state.keys() + ", it needs just " + needed);
    }
    List<TorchParamGroup> saved = groups(state.list(GROUPS));
    List<TorchParamGroup> ours = groups.of(params, 1);
    requireSameMembers(params, saved, ours);
    TorchSlots slots =
        entries == null ? null : entries.read(state.has(STATE) ? state.vector(STATE) : null);
    tellDifferences(saved, ours);
    double share = ours.get(0).rate();
    return new Loaded(slots, share == 0 ? 1 : saved.get(0).rate() / share);
  }

  private IllegalArgumentException refused(String problem) {
    return new IllegalArgumentException(spec.qualifiedName() + ": " + problem);
  }

  private List<TorchParamGroup> groups(List<@Nullable Object> saved) {
    List<TorchParamGroup> groups = new ArrayList<>();
    for (Object group : saved) {
      groups.add(TorchParamGroup.read(spec, GROUPS + "[" + groups.size() + "]", group));
    }
    return groups;
  }

  private void requireSameMembers(
      @Nullable VectorSpec params, List<TorchParamGroup> saved, List<TorchParamGroup> ours) {
    if (saved.size() != ours.size()) {
      throw refused(
          "the state has " + saved.size() + " groups of parameters, this module " + ours.size());
    }
    for (int i = 0; i < ours.size(); i++) {
      if (!saved.get(i).members().equals(ours.get(i).members())) {
        throw refused(
            GROUPS
                + "["
                + i
                + "] of the state has the parameters "
                + saved.get(i).members()
                + ", here the group has "
                + ours.get(i).members()
                + " of "
                + (params == null ? "none" : params.names()));
      }
    }
  }

  private void tellDifferences(List<TorchParamGroup> saved, List<TorchParamGroup> ours) {
    for (int i = 0; i < ours.size(); i++) {
      List<String> differences = ours.get(i).differences(saved.get(i));
      if (!differences.isEmpty()) {
        LOGGER.log(
            System.Logger.Level.INFO,
            "{0}: the state was saved with other options than this module has, which stay: {1}",
            spec.qualifiedName(),
            String.join("; ", differences));
      }
    }
  }
}
