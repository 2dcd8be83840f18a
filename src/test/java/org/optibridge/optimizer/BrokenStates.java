package org.optibridge.optimizer;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.optibridge.vector.DType;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorSpec;

/** Copies of a stage's state with one defect each. */
public final class BrokenStates {
  /** A copy with a defect, owned by whoever asked for it. */
  public record Broken(String defect, State state) {
    @Override
    public String toString() {
      return defect;
    }
  }

  private interface Edit {
    /** The value in place of the entry at this path; null to leave it out. */
    @Nullable Object apply(String path, Object value);
  }

  private BrokenStates() {}

  /**
   * Every entry once missing, once of another type, vectors once of another shape.
   *
   * @param good of a stage that has run
   * @param empty of the same stage before it ran: what lacks entries and looks like this is whole
   */
  public static List<Broken> of(State good, State empty) {
    List<Broken> all = new ArrayList<>();
    Map<String, Object> entries = good.flat();
    Set<String> whenEmpty = new TreeSet<>(empty.flat().keySet());
    long vectors = entries.values().stream().filter(v -> v instanceof Vector).count();
    boolean described = entries.values().stream().anyMatch(v -> v instanceof VectorSpec);
    for (String path : entries.keySet()) {
      Set<String> others = new TreeSet<>(entries.keySet());
      others.remove(path);
      if (!others.equals(whenEmpty)) {
        add(all, good, "without " + path, path, value -> null);
      }
      add(all, good, path + " of another type", path, BrokenStates::otherType);
      if (vectors > 1 || described) {
        add(all, good, path + " of another shape", path, BrokenStates::otherShape);
      }
    }
    return all;
  }

  /** A copy with an entry that nobody knows. */
  public static Broken withUnknownEntry(State good) {
    State more = copy(good, "", (path, value) -> value);
    return new Broken("with an entry that nobody knows", more.put("bogus", 1));
  }

  private interface Change {
    @Nullable Object apply(Object value);
  }

  private static void add(
      List<Broken> all, State good, String defect, String where, Change change) {
    Object former = good.flat().get(where);
    Object changed = change.apply(former);
    if (changed == former) {
      return; // numbers have no shape
    }
    all.add(
        new Broken(defect, copy(good, "", (path, value) -> path.equals(where) ? changed : value)));
  }

  private static Object otherType(Object value) {
    return value instanceof Double ? "a text" : Double.valueOf(7);
  }

  private static Object otherShape(Object value) {
    return value instanceof Vector
        ? Vector.builder().allocate("w", DType.FLOAT32, 17).build()
        : value;
  }

  /** A deep copy; vectors that the edit put in are taken over. */
  private static State copy(State from, String prefix, Edit edit) {
    State to = new State();
    for (String key : from.keys()) {
      Object value = from.value(key);
      if (value instanceof State inner) {
        to.put(key, copy(inner, prefix + key + ".", edit));
        continue;
      }
      Object edited = edit.apply(prefix + key, value);
      if (edited instanceof Vector vector) {
        to.put(key, vector == value ? vector.materialize() : vector);
      } else if (edited != null) {
        putPlain(to, key, edited);
      }
    }
    return to;
  }

  private static void putPlain(State to, String key, Object value) {
    if (value instanceof Double number) {
      to.put(key, number);
    } else if (value instanceof String text) {
      to.put(key, text);
    } else if (value instanceof List<?> list) {
      to.put(key, list);
    } else {
      to.put(key, (VectorSpec) value);
    }
  }
}
