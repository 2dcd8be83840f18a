package org.optibridge.torch;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.TensorFilter;
import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.VectorSpec;

/**
 * The options of a module: its own, and those that groups of tensors have instead. All are checked
 * when an object is made; it never changes.
 */
final class TorchOptions {
  private static final String RATE = "lr";
  private static final String FUSED = "fused";
  // PyTorch starts all of Adagrad's sums with the optimizer's own value, whatever a group says.
  private static final List<String> OF_MODULE = List.of(FUSED, "initial_accumulator_value");
  private static final int SHOWN_NAMES = 8;

  /** What a group has in place of the module's options. */
  record Group(TensorFilter filter, Map<String, Object> kwargs) {}

  /** All options of one group, and its share of the learning rate. */
  record Resolved(Map<String, @Nullable Object> options, double rate) {}

  private final TorchSource source;
  private final TorchOptimizerSpec spec;
  private final Map<String, Object> kwargs;
  private final @Nullable Boolean wantsFused;
  private final List<Group> groups;
  // The module's own come first, then those of the groups.
  private final List<Resolved> resolved = new ArrayList<>();
  private final boolean readsWeights;
  // Training asks for the same tensors again.
  private @Nullable VectorSpec lastSpec;
  private int[] lastMembers = {};

  private TorchOptions(
      TorchSource source,
      Map<String, Object> kwargs,
      @Nullable Boolean wantsFused,
      List<Group> groups) {
    this.source = source;
    this.spec = source.spec();
    this.wantsFused = wantsFused;
    Map<String, @Nullable Object> own = source.complete(kwargs);
    this.kwargs = given(kwargs, own);
    resolved.add(new Resolved(own, 1.0));
    List<Group> normalized = new ArrayList<>();
    for (Group group : groups) {
      try {
        normalized.add(resolve(group));
      } catch (IllegalArgumentException e) {
        throw new IllegalArgumentException(
            e.getMessage() + " (in group " + normalized.size() + ", " + group.filter() + ")", e);
      }
    }
    this.groups = List.copyOf(normalized);
    this.readsWeights = resolved.stream().anyMatch(each -> spec.readsWeights(each.options()));
  }

  /**
   * @param kwargs the module's, {@code fused} included
   * @throws IllegalArgumentException naming an option that is unknown, ill-typed or out of range
   */
  static TorchOptions of(TorchSource source, Map<String, Object> kwargs, List<Group> groups) {
    TorchOptimizerSpec spec = source.spec();
    Object wanted = kwargs.get(FUSED);
    if (wanted != null && !(wanted instanceof Boolean)) {
      throw new IllegalArgumentException(
          spec.qualifiedName() + ": 'fused' must be true or false, not " + wanted);
    }
    if (Boolean.TRUE.equals(wanted) && !spec.hasFusedKernel()) {
      throw new IllegalArgumentException(
          spec.qualifiedName() + " has no fused kernel in libtorch; leave 'fused' out");
    }
    return new TorchOptions(source, kwargs, (Boolean) wanted, groups);
  }

  private Group resolve(Group group) {
    for (String key : OF_MODULE) {
      if (group.kwargs().containsKey(key)) {
        throw new IllegalArgumentException(
            spec.qualifiedName()
                + ": '"
                + key
                + "' is one for the whole module, as in PyTorch, not an option of a group");
      }
    }
    Map<String, Object> others = new LinkedHashMap<>(group.kwargs());
    Object given = others.remove(RATE);
    double rate = 1.0;
    if (group.kwargs().containsKey(RATE)) {
      if (!(given instanceof Number number)
          || !Double.isFinite(number.doubleValue())
          || number.doubleValue() < 0) {
        throw new IllegalArgumentException(
            spec.qualifiedName()
                + ": 'lr' of a group must be a finite number >= 0, by which the pipeline's learning"
                + " rate is multiplied, not "
                + given);
      }
      rate = number.doubleValue();
    }
    Map<String, Object> merged = new LinkedHashMap<>(kwargs);
    merged.putAll(others);
    Map<String, @Nullable Object> complete = source.complete(merged);
    resolved.add(new Resolved(complete, rate));
    Map<String, Object> normalized = new LinkedHashMap<>();
    if (given != null) {
      normalized.put(RATE, rate);
    }
    for (TorchOption option : spec.options()) {
      if (others.containsKey(option.name())) {
        put(normalized, option.name(), complete.get(option.name()));
      }
    }
    return new Group(group.filter(), Collections.unmodifiableMap(normalized));
  }

  @SuppressWarnings("NullAway") // an option may be None, which is null in JSON
  private static void put(Map<String, Object> map, String key, @Nullable Object value) {
    map.put(key, value);
  }

  /** Those of the module's own options that are not the default. */
  private Map<String, Object> given(
      Map<String, Object> kwargs, Map<String, @Nullable Object> complete) {
    Map<String, Object> given = new LinkedHashMap<>();
    for (TorchOption option : spec.options()) {
      Object value = complete.get(option.name());
      if (kwargs.containsKey(option.name()) && !Objects.equals(value, option.defaultValue())) {
        put(given, option.name(), value);
      }
    }
    return Collections.unmodifiableMap(given);
  }

  /** These options with some of the module's own changed. */
  TorchOptions with(Map<String, Object> changes) {
    requireChangeable(changes);
    Map<String, Object> next = new LinkedHashMap<>(kwargs);
    next.putAll(changes);
    return new TorchOptions(source, next, wantsFused, groups);
  }

  /** These options with some of a group's changed. */
  TorchOptions with(int group, Map<String, Object> changes) {
    if (group < 0 || group >= groups.size()) {
      throw new IllegalArgumentException(
          spec.qualifiedName() + " has no group " + group + "; it has " + groups.size());
    }
    requireChangeable(changes);
    List<Group> next = new ArrayList<>(groups);
    Map<String, Object> merged = new LinkedHashMap<>(groups.get(group).kwargs());
    merged.putAll(changes);
    next.set(group, new Group(groups.get(group).filter(), merged));
    return new TorchOptions(source, kwargs, wantsFused, next);
  }

  private void requireChangeable(Map<String, Object> changes) {
    if (changes.containsKey(FUSED)) {
      throw new IllegalArgumentException(
          spec.qualifiedName() + ": 'fused' can't be changed; make another module");
    }
  }

  TorchSource source() {
    return source;
  }

  TorchOptimizerSpec spec() {
    return spec;
  }

  boolean isFused() {
    return spec.hasFusedKernel() && !Boolean.FALSE.equals(wantsFused);
  }

  /** Whether a step of any group depends on the weights. */
  boolean readsWeights() {
    return readsWeights;
  }

  /** The module's own options, then those of each group. */
  List<Resolved> resolved() {
    return resolved;
  }

  /**
   * Which of {@link #resolved()} each tensor has.
   *
   * @throws IllegalArgumentException naming a group without any tensor
   */
  int[] members(VectorSpec params) {
    if (lastSpec == null || !lastSpec.equals(params)) {
      int[] members = new int[params.size()];
      for (int i = 0; i < members.length; i++) {
        members[i] = groupOf(params.tensors().get(i));
      }
      requireNoneEmpty(members, params);
      lastMembers = members;
      lastSpec = params;
    }
    return lastMembers;
  }

  private int groupOf(TensorSpec tensor) {
    for (int g = 0; g < groups.size(); g++) {
      if (groups.get(g).filter().accepts(tensor)) {
        return g + 1;
      }
    }
    return 0;
  }

  private void requireNoneEmpty(int[] members, VectorSpec params) {
    boolean[] used = new boolean[groups.size() + 1];
    for (int group : members) {
      used[group] = true;
    }
    for (int g = 0; g < groups.size(); g++) {
      if (!used[g + 1]) {
        TensorFilter filter = groups.get(g).filter();
        List<String> names = params.names();
        boolean matches = params.tensors().stream().anyMatch(filter::accepts);
        throw new IllegalArgumentException(
            spec.qualifiedName()
                + ": group "
                + g
                + " ("
                + filter
                + ") has no tensor: "
                + (matches
                    ? "all that it matches belong to groups before it"
                    : "it matches none of "
                        + names.subList(0, Math.min(SHOWN_NAMES, names.size()))
                        + (names.size() > SHOWN_NAMES
                            ? " and " + (names.size() - 8) + " more"
                            : ""))
                + "; change its pattern or leave it out");
      }
    }
  }

  /**
   * The groups as torch's {@code state_dict} has them: those with parameters, the module's own
   * first; all of them, empty, if there are no parameters yet.
   *
   * @param rate the learning rate that the groups' own are shares of
   */
  List<TorchParamGroup> paramGroups(@Nullable VectorSpec params, double rate) {
    List<List<Integer>> positions = new ArrayList<>();
    resolved.forEach(each -> positions.add(new ArrayList<>()));
    int[] members = params == null ? new int[0] : members(params);
    for (int i = 0; i < members.length; i++) {
      positions.get(members[i]).add(i);
    }
    List<TorchParamGroup> all = new ArrayList<>();
    for (int g = 0; g < resolved.size(); g++) {
      if (members.length == 0 || !positions.get(g).isEmpty()) {
        Resolved one = resolved.get(g);
        all.add(new TorchParamGroup(one.options(), rate * one.rate(), positions.get(g)));
      }
    }
    return all;
  }

  /** The entries {@code kwargs} and, if there are groups, {@code groups} of a config. */
  void addTo(Map<String, Object> config) {
    Map<String, Object> options = new LinkedHashMap<>(kwargs);
    if (wantsFused != null) {
      options.put(FUSED, isFused());
    }
    options.put(RATE, 1.0);
    config.put("kwargs", options);
    if (groups.isEmpty()) {
      return;
    }
    List<Object> list = new ArrayList<>();
    for (Group group : groups) {
      Map<String, Object> entry = new LinkedHashMap<>();
      group.filter().addTo(entry);
      entry.put("kwargs", new LinkedHashMap<>(group.kwargs()));
      list.add(entry);
    }
    config.put("groups", list);
  }

  /** Reads the entry {@code groups} of a config. */
  @SuppressWarnings("unchecked") // JSON objects have text keys
  static List<Group> groups(@Nullable Object value) {
    if (value == null) {
      return List.of();
    }
    if (!(value instanceof List<?> list)) {
      throw new IllegalArgumentException("'groups' of a torch-optim config must be a list");
    }
    List<Group> groups = new ArrayList<>();
    for (Object entry : list) {
      String owner = "group " + groups.size() + " of a torch-optim config";
      if (!(entry instanceof Map<?, ?> map)) {
        throw new IllegalArgumentException(owner + " must be an object, not " + entry);
      }
      groups.add(
          ConfigReader.read(
              owner,
              (Map<String, Object>) map,
              config -> new Group(TensorFilter.from(config), config.object("kwargs"))));
    }
    return groups;
  }

  @Override
  public String toString() {
    Map<String, Object> options = new LinkedHashMap<>(kwargs);
    if (wantsFused != null) {
      options.put(FUSED, isFused());
    }
    return spec.qualifiedName()
        + options
        + (groups.isEmpty() ? "" : " with " + groups.size() + " groups");
  }
}
