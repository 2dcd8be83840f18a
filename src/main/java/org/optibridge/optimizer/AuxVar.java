package org.optibridge.optimizer;

/**
 * What a module tells its counterpart on another machine, once a round: a typed value that knows
 * how to add itself to others of its kind and how to travel. Immutable, but for {@code close()}.
 */
public interface AuxVar extends AutoCloseable {
  /** Returns the name of the kind, shared by the modules that exchange it: {@code "scaffold"}. */
  String name();

  /**
   * Adds up what two senders said.
   *
   * @param other of the same kind
   * @return a new value, to be closed by the caller; both operands stay as they are
   * @throws IllegalArgumentException if they can't be added
   */
  AuxVar aggregate(AuxVar other);

  /**
   * @return a copy of the content, to be closed by the caller; the registered reader of this kind
   *     makes an equal value from it
   */
  State toState();

  /**
   * What secure aggregation adds up without seeing it: only vectors and numbers, which {@link
   * #aggregate} adds and does nothing else with. A sender masks, shares or encrypts them, and sends
   * {@code withSummands(new State())} beside them in clear. Where they meet,
   *
   * <pre>{@code
   * a.withSummands(none).aggregate(b.withSummands(none)).withSummands(sum)
   * }</pre>
   *
   * equals {@code a.aggregate(b)} if {@code sum} holds, under the same keys, the sums of the
   * summands of both.
   *
   * @return a copy, to be closed by the caller
   * @throws UnsupportedOperationException if this kind or this value is not to be added up
   */
  default State summands() {
    throw new UnsupportedOperationException(
        "Auxiliary variables '" + name() + "' can't take part in secure aggregation");
  }

  /**
   * The rest of this, with other summands.
   *
   * @param sums as {@link #summands()} returns them, not kept; an empty state for none, which is
   *     neutral in {@link #aggregate}
   * @return a new value, to be closed by the caller
   * @throws IllegalArgumentException if the sums have other entries
   * @throws UnsupportedOperationException if this kind or this value is not to be added up
   */
  default AuxVar withSummands(State sums) {
    throw new UnsupportedOperationException(
        "Auxiliary variables '" + name() + "' can't take part in secure aggregation");
  }

  /** Releases native memory. */
  @Override
  void close();
}
