package org.optibridge.optimizer;

import org.jspecify.annotations.Nullable;
import org.optibridge.vector.Vector;

/**
 * One stage of an {@link Optimizer}: turns gradients into gradients of another kind (clipped,
 * averaged, adapted). Modules run in order, each on the output of the one before.
 *
 * <p><b>Contract.</b> The output has the names, shapes and dtypes of the input. It is
 * gradient-like: the pipeline scales it by the learning rate and subtracts it. The input is not
 * written to. The output may be an expression, or refer to memory of the module that is valid until
 * its next call.
 *
 * <p>The pipeline opens a {@link org.optibridge.vector.Recording} around each step: what a module
 * assigns is computed in the same sweep over memory as everything else, and is undone if a later
 * stage throws.
 */
public interface OptiModule extends Stage {
  /**
   * @param gradients what the stage before put out
   * @param params the weights that the pipeline steps; null where there are none at hand, which a
   *     module that depends on them must say clearly
   * @return the transformed gradients; null if the step ends here, with the weights left alone and
   *     the stages after this one not run
   * @throws IllegalArgumentException if the gradients' names, shapes or dtypes are not those of the
   *     module's state
   */
  @Nullable Vector run(Vector gradients, @Nullable Vector params);

  /**
   * Tells what the step made of the weights, for modules that follow them.
   *
   * @param params the weights after the step, as an operand: not written to
   */
  default void afterStep(Vector params) {}

  /**
   * The name under which this module exchanges auxiliary variables with its counterpart on other
   * machines; a client's and a server's module share it.
   *
   * @return the name; null if this module exchanges none
   */
  default @Nullable String auxName() {
    return null;
  }

  /**
   * @return what this module has to say to its counterpart, to be closed by the caller; null for
   *     nothing
   */
  default @Nullable AuxVar collectAuxVar() {
    return null;
  }

  /**
   * @param aux from the counterpart; not kept
   * @throws IllegalArgumentException if it is of another kind than this module takes
   */
  default void processAuxVar(AuxVar aux) {
    throw new IllegalArgumentException(
        "Module '" + name() + "' takes no auxiliary variables, but was given '" + aux.name() + "'");
  }
}
