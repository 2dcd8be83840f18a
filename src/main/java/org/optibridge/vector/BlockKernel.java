package org.optibridge.vector;

/**
 * A framework's optimizer kernel as an instruction of a sweep: it steps any stretch of a tensor's
 * elements by itself. For bridges to frameworks; nothing here is checked.
 */
public interface BlockKernel {
  /** Returns the address of an {@code ob_call}, see {@code core/ob_core.h}. */
  long function();

  /** Returns the address that the function gets with each call. */
  long context();

  /**
   * Gets ready for a sweep that steps every element once. Called right before it, on the thread
   * that runs it; what it throws keeps the sweep from running.
   */
  void begin();

  /** Ends what {@link #begin()} began, whether the sweep succeeded or not. */
  void end();

  /**
   * Memory to keep the result in if it is needed after the sweep.
   *
   * @return a stored vector of the parameters' spec that nothing else uses
   */
  Vector result();
}
