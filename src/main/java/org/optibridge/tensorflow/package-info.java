/**
 * Keras's optimizers as modules of a pipeline, run by TensorFlow's kernels. Used by naming it:
 * nothing outside this package and the command line refers to it, and TensorFlow is loaded when the
 * first module is made.
 */
@NullMarked
package org.optibridge.tensorflow;

import org.jspecify.annotations.NullMarked;
