package org.optibridge.optimizer;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.optibridge.vector.Recording;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorSpec;

/**
 * A stage whose state is a few named vectors and numbers, declared as fields: saving, restoring,
 * resetting, checking and undoing them is done here. A name with a dot, {@code "momentum.state"},
 * is an entry of a nested state.
 *
 * <p>Vectors are native memory, zero at first, made for the names, shapes and dtypes seen at the
 * first call; later calls need the same until {@link #reset()}.
 */
public abstract class FormulaStage implements Stage {
  private final String name;
  private final List<StateVector> vectors = new ArrayList<>();
  private final List<StateNumber> numbers = new ArrayList<>();
  private @Nullable VectorSpec spec;

  /**
   * @param name the registered name
   */
  protected FormulaStage(String name) {
    this.name = name;
  }

  @Override
  public final String name() {
    return name;
  }

  /**
   * Declares a vector of the state; for a field's initializer.
   *
   * @param key its name in the state
   * @return the vector, zero until it is assigned to
   */
  protected final StateVector vector(String key) {
    StateVector vector = new StateVector(key);
    vectors.add(vector);
    return vector;
  }

  /**
   * Declares a number of the state; for a field's initializer.
   *
   * @param key its name in the state
   * @return the number
   */
  protected final StateNumber number(String key) {
    return number(key, 0);
  }

  /**
   * Declares a number of the state; for a field's initializer.
   *
   * @param key its name in the state
   * @param initial its value before the first call
   * @return the number
   */
  protected final StateNumber number(String key, double initial) {
    StateNumber number = new StateNumber(key, initial);
    numbers.add(number);
    return number;
  }

  /** A vector of a stage's state. */
  protected final class StateVector {
    private final String key;
    private @Nullable Vector value;

    private StateVector(String key) {
      this.key = key;
    }

    /**
     * @return the memory, made at the first call
     */
    public Vector get() {
      Vector now = value;
      if (now == null) {
        if (spec == null) {
          throw new IllegalStateException(
              "'" + name + "': '" + key + "' has no shape before the first call");
        }
        Vector made = Vector.allocate(spec);
        now = made;
        value = made;
        // A first step that failed leaves no zeros behind, which would also pin the shapes.
        Recording.onRollBack(() -> forget(made));
      }
      return now;
    }

    /** Returns whether there is memory, that is, whether it was used since the last reset. */
    public boolean isSet() {
      return value != null;
    }

    private void forget(Vector made) {
      if (value == made) {
        replace(null);
      }
    }

    private void replace(@Nullable Vector next) {
      if (value != null) {
        value.close();
      }
      value = next;
    }
  }

  /** A number of a stage's state; a change is undone if the step that made it fails. */
  protected static final class StateNumber {
    private final String key;
    private final double initial;
    private double value;

    private StateNumber(String key, double initial) {
      this.key = key;
      this.initial = initial;
      this.value = initial;
    }

    /** Returns the value. */
    public double get() {
      return value;
    }

    /**
     * @param next the new value
     */
    public void set(double next) {
      double former = value;
      Recording.onRollBack(() -> value = former);
      value = next;
    }

    /**
     * Adds one.
     *
     * @return the new value
     */
    public double increment() {
      set(value + 1);
      return value;
    }
  }

  /** Checks the tensors of a call of the formula. */
  final void enter(VectorSpec operands) {
    enter(operands, "the gradients");
  }

  /**
   * Checks that tensors are those of the state, before anything is changed; done ahead of the
   * formula, and to be called where state is used elsewhere. A stage that has no state yet will
   * make it for these.
   *
   * @param operands names, shapes and dtypes
   * @param what they are, for the message
   * @throws IllegalArgumentException naming the first difference
   */
  protected final void enter(VectorSpec operands, String what) {
    VectorSpec known = spec;
    if (known != null && vectors.stream().anyMatch(StateVector::isSet)) {
      known.requireSame(operands, "the state of '" + name + "'", what);
    }
    spec = operands;
  }

  /** {@inheritDoc} Refused if the state has vectors: their formula is for all tensors at once. */
  @Override
  public void beforePartialStep(VectorSpec weights) {
    if (!vectors.isEmpty()) {
      Stage.super.beforePartialStep(weights);
    }
  }

  @Override
  public void reset() {
    spec = null;
    vectors.forEach(vector -> vector.replace(null));
    numbers.forEach(number -> number.value = number.initial);
  }

  @Override
  public State getState() {
    boolean used = vectors.stream().anyMatch(StateVector::isSet);
    State state = new State();
    try {
      numbers.forEach(number -> state.putAt(number.key, number.value));
      if (used) {
        vectors.forEach(vector -> state.putAt(vector.key, vector.get().materialize()));
      }
      return state;
    } catch (RuntimeException | Error e) {
      state.close();
      throw e;
    }
  }

  /**
   * {@inheritDoc}
   *
   * <p>All numbers must be there, and all vectors or none, of one spec.
   */
  @Override
  public void setState(State state) {
    setState(state, Set.of());
  }

  /**
   * As {@link #setState(State)}, for a stage that adds entries of its own to {@link #getState()}.
   *
   * @param state the state
   * @param others top-level entries that the stage itself reads: before this call if they may not
   *     fit
   */
  protected final void setState(State state, Set<String> others) {
    Map<String, Object> entries = state.flat(others);
    Set<String> known = new LinkedHashSet<>();
    numbers.forEach(number -> known.add(number.key));
    boolean used = vectors.stream().anyMatch(vector -> entries.containsKey(vector.key));
    if (used) {
      vectors.forEach(vector -> known.add(vector.key));
    }
    if (!known.equals(entries.keySet())) {
      throw new IllegalArgumentException(
          "'" + name + "': the state has " + entries.keySet() + ", it needs just " + known);
    }
    double[] values = new double[numbers.size()];
    for (int i = 0; i < values.length; i++) {
      if (!(entries.get(numbers.get(i).key) instanceof Double value)) {
        throw new IllegalArgumentException(
            "'" + name + "': '" + numbers.get(i).key + "' of the state is not a number");
      }
      values[i] = value;
    }
    List<Vector> copies = used ? copies(entries) : List.of();
    reset();
    for (int i = 0; i < values.length; i++) {
      numbers.get(i).value = values[i];
    }
    for (int i = 0; i < copies.size(); i++) {
      vectors.get(i).replace(copies.get(i));
      spec = copies.get(i).spec();
    }
  }

  private List<Vector> copies(Map<String, Object> entries) {
    List<Vector> copies = new ArrayList<>();
    try {
      for (StateVector vector : vectors) {
        if (!(entries.get(vector.key) instanceof Vector from)) {
          throw new IllegalArgumentException(
              "'" + name + "': '" + vector.key + "' of the state is not a vector");
        }
        if (!copies.isEmpty()) {
          copies
              .get(0)
              .spec()
              .requireSame(from.spec(), "'" + vectors.get(0).key + "'", "'" + vector.key + "'");
        }
        copies.add(from.materialize());
      }
      return copies;
    } catch (RuntimeException | Error e) {
      copies.forEach(Vector::close);
      throw e;
    }
  }

  @Override
  public void close() {
    reset();
  }
}
