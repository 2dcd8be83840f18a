package org.optibridge.vector;

import java.util.EnumMap;
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
  private final boolean half;
  // Made once: a step may ask for it every time.
  private @Nullable VectorSpec scalars;
  private @Nullable VectorSpec computed;
  private final Map<DType, VectorSpec> converted = new EnumMap<>(DType.class);
  // The last other instance found equal: training compares the same few specs at every step, and
  // walking thousands of tensors each time would cost more than stepping them.
  private @Nullable VectorSpec knownEqual;
  // The last other one found to differ in types only, for the same reason.
  private @Nullable VectorSpec knownRetyped;

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
    boolean narrow = false;
    for (TensorSpec tensor : this.tensors) {
      if (positions.put(tensor.name(), positions.size()) != null) {
        throw new IllegalArgumentException(
            "Two tensors of one vector are named '" + tensor.name() + "'");
      }
      count += tensor.numel();
      host &= tensor.device().kind() == Device.Kind.CPU;
      narrow |= tensor.dtype().isHalf();
    }
    this.numel = count;
    this.onHost = host;
    this.half = narrow;
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

  /** Returns the bytes of all elements together, without what lies between tensors. */
  public long bytes() {
    return tensors.stream().mapToLong(TensorSpec::bytes).sum();
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
   * What arithmetic on these tensors is done in.
   *
   * @return this, with float32 in place of 16-bit types
   */
  public VectorSpec computed() {
    if (!half) {
      return this;
    }
    VectorSpec made = computed;
    if (made == null) {
      made = new VectorSpec(tensors.stream().map(one -> one.with(one.dtype().computed())).toList());
      computed = made;
    }
    return made;
  }

  /**
   * @param dtype an element type
   * @return the same tensors, all of that type
   */
  public VectorSpec with(DType dtype) {
    // Kept, so that comparing the specs of every step costs nothing.
    synchronized (converted) {
      return converted.computeIfAbsent(
          dtype,
          type ->
              tensors.stream().allMatch(one -> one.dtype() == type)
                  ? this
                  : new VectorSpec(tensors.stream().map(one -> one.with(type)).toList()));
    }
  }

  /** Returns whether a tensor is of a 16-bit type. */
  boolean hasHalf() {
    return half;
  }

  /**
   * Checks that arithmetic can be done on these tensors as they are.
   *
   * @param remedy what to do otherwise, for the message
   * @throws IllegalArgumentException naming the first tensor of a 16-bit type
   */
  public void requireArithmetic(String remedy) {
    if (!half) {
      return;
    }
    for (TensorSpec tensor : tensors) {
      if (tensor.dtype().isHalf()) {
        throw new IllegalArgumentException(
            "Tensor " + tensor + " is only stored in 16 bits, not computed with; " + remedy);
      }
    }
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
      if (position == null) {
        throw new IllegalArgumentException(stranger(tensor, expected, actual));
      }
      if (!tensors.get(position).equals(tensor)) {
        throw new IllegalArgumentException(unequal(tensor, expected, actual));
      }
      if (position <= last) {
        throw new IllegalArgumentException(
            mismatch(expected, actual)
                + "the order of names is "
                + some.names()
                + ", it must be that of "
                + names());
      }
      last = position;
      found[i] = position;
    }
    return found;
  }

  /** Checks that another vector has these tensors, in any types. */
  @SuppressWarnings("ReferenceEquality") // a shortcut
  void requireSameButTypes(VectorSpec other, String expected, String actual) {
    if (other == knownRetyped) {
      return;
    }
    boolean same = other.size() == size();
    for (int i = 0; same && i < size(); i++) {
      same = tensors.get(i).equalsButType(other.tensors.get(i));
    }
    if (!same) {
      throw new IllegalArgumentException(difference(other, expected, actual));
    }
    knownRetyped = other;
  }

  private String difference(VectorSpec other, String expected, String actual) {
    for (TensorSpec tensor : tensors) {
      if (!other.positions.containsKey(tensor.name())) {
        return mismatch(expected, actual)
            + actual
            + " lack '"
            + tensor.name()
            + "'; names must be "
            + names();
      }
    }
    for (TensorSpec tensor : other.tensors) {
      if (!positions.containsKey(tensor.name())) {
        return stranger(tensor, expected, actual);
      }
    }
    for (TensorSpec tensor : other.tensors) {
      if (!tensor.equals(get(tensor.name()))) {
        return unequal(tensor, expected, actual);
      }
    }
    return mismatch(expected, actual)
        + "the order of names is "
        + other.names()
        + ", it must be "
        + names();
  }

  private static String mismatch(String expected, String actual) {
    return "Mismatch between " + actual + " and " + expected + ": ";
  }

  private String stranger(TensorSpec tensor, String expected, String actual) {
    return mismatch(expected, actual)
        + "'"
        + tensor.name()
        + "' is not in "
        + expected
        + " "
        + names();
  }

  private String unequal(TensorSpec theirs, String expected, String actual) {
    TensorSpec ours = get(theirs.name());
    return mismatch(expected, actual)
        + actual
        + " have "
        + theirs
        + " where "
        + expected
        + " have "
        + ours
        + (ours.with(theirs.dtype()).equals(theirs)
            ? "; convert " + actual + " with Vector.to(DType)"
            : "");
  }

  @Override
  public boolean equals(Object other) {
    if (this == other || (other != null && other == knownEqual)) {
      return true;
    }
    if (!(other instanceof VectorSpec that)) {
      return false;
    }
    VectorSpec known = that.knownEqual;
    if (known != null && (known == this || known == knownEqual)) {
      return true;
    }
    if (tensors.equals(that.tensors)) {
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
