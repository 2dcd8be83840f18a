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

  /** Releases native memory. */
  @Override
  void close();
}
