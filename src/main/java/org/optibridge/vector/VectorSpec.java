package org.optibridge.vector;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a vector is, without its values: an ordered list of named tensors. Two specs are equal if
 * they hold equal tensors in the same order. Immutable and safe to share.
 */
public final class VectorSpec {
  private final List<TensorSpec> tensors;
  private final Map<String, Integer> positions;
  private final long numel;
  private final boolean onHost;
  // Made once: a step may ask for it every time.
  private @Nullable VectorSpec scalars;
  // The last other instance found equal: training compares the same few specs at every step, and
  // walking thousands of tensors each time would cost more than stepping them.
  private @Nullable VectorSpec knownEqual;

  /**
   * @param tensors the tensors, in order; at least one, no name twice
   * @throws IllegalArgumentException if there is none or a name occurs twice
   */
  public VectorSpec(List<TensorSpec> tensors) {
    if (tensors.isEmpty()) {
      throw new IllegalArgumentException("A vector needs at least one tensor");
    }
    this.tensors = List.copyOf(tensors);
    this.positions = new LinkedHashMap<>();
    long count = 0;
    boolean host = true;
    for (TensorSpec tensor : this.tensors) {
      if (positions.put(tensor.name(), positions.size()) != null) {
        throw new IllegalArgumentException(
            "Two tensors of one vector are named '" + tensor.name() + "'");
      }
      count += tensor.numel();
      host &= tensor.device().kind() == Device.Kind.CPU;
    }
    this.numel = count;
    this.onHost = host;
  }

  /** Returns the tensors in order. */
  public List<TensorSpec> tensors() {
    return tensors;
  }

  /** Returns the names in order. */
  public List<String> names() {
    return tensors.stream().map(TensorSpec::name).toList();
  }

  /**
   * @param name a tensor's name
   * @return its spec
   * @throws IllegalArgumentException if there is none of that name
   */
  public TensorSpec get(String name) {
    return tensors.get(position(name));
  }

  /** Returns the number of tensors. */
  public int size() {
    return tensors.size();
  }

  /** Returns the number of elements of all tensors together. */
  public long numel() {
    return numel;
  }

  /** Returns whether all tensors are in host memory. */
  public boolean isOnHost() {
    return onHost;
  }

  int position(String name) {
    Integer position = positions.get(name);
    if (position == null) {
      throw new IllegalArgumentException(
          "No tensor is named '" + name + "'; the vector has " + positions.keySet());
    }
    return position;
  }

  VectorSpec scalars() {
    VectorSpec made = scalars;
    if (made == null) {
      made = new VectorSpec(tensors.stream().map(TensorSpec::scalar).toList());
      scalars = made;
    }
    return made;
  }

  /**
   * Checks that another vector can take part in an operation with this one.
   *
   * @param other the other's spec
   * @param expected what this one is, for the message: "parameters", "stored state", …
   * @param actual what the other is
   * @throws IllegalArgumentException naming the first difference
   */
  public void requireSame(VectorSpec other, String expected, String actual) {
    if (!equals(other)) {
      throw new IllegalArgumentException(difference(other, expected, actual));
    }
  }

  /**
   * Finds tensors of another spec, in the same order, among those of this one.
   *
   * @param some the other spec, of some or all of these tensors
   * @param expected what this one is, for the message
   * @param actual what the other is
   * @return their positions here, rising
   * @throws IllegalArgumentException naming the first tensor that is not here, is another or stands
   *     elsewhere
   */
  public int[] positions(VectorSpec some, String expected, String actual) {
    int[] found = new int[some.size()];
    int last = -1;
    for (int i = 0; i < found.length; i++) {
      TensorSpec tensor = some.tensors.get(i);
      Integer position = positions.get(tensor.name());
      if (position == null || !tensors.get(position).equals(tensor)) {
        throw new IllegalArgumentException(select(some).difference(some, expected, actual));
      }
      if (position <= last) {
        throw new IllegalArgumentException(
            "Mismatch between "
                + actual
                + " and "
                + expected
                + ": the order of names is "
                + some.names()
                + ", it must be that of "
                + names());
      }
      last = position;
      found[i] = position;
    }
    return found;
  }

  /** Those of these tensors that another spec names; all of them if it names none. */
  private VectorSpec select(VectorSpec some) {
    List<TensorSpec> kept =
        tensors.stream().filter(tensor -> some.positions.containsKey(tensor.name())).toList();
    return kept.isEmpty() ? this : new VectorSpec(kept);
  }

  private String difference(VectorSpec other, String expected, String actual) {
    String names = "Mismatch between " + actual + " and " + expected + ": ";
    for (TensorSpec tensor : tensors) {
      if (!other.positions.containsKey(tensor.name())) {
        return names + actual + " lack '" + tensor.name() + "'; names must be " + names();
      }
    }
    for (TensorSpec tensor : other.tensors) {
      if (!positions.containsKey(tensor.name())) {
        return names + "'" + tensor.name() + "' is not in " + expected + " " + names();
      }
    }
    for (TensorSpec tensor : tensors) {
      TensorSpec theirs = other.get(tensor.name());
      if (!tensor.equals(theirs)) {
        return names + actual + " have " + theirs + " where " + expected + " have " + tensor;
      }
    }
    return names + "the order of names is " + other.names() + ", it must be " + names();
  }

  @Override
  public boolean equals(Object other) {
    if (this == other || (other != null && other == knownEqual)) {
      return true;
    }
    if (other instanceof VectorSpec that && tensors.equals(that.tensors)) {
      knownEqual = that;
      return true;
    }
    return false;
  }

  @Override
  public int hashCode() {
    return tensors.hashCode();
  }

  @Override
  public String toString() {
    return tensors.toString();
  }
}
