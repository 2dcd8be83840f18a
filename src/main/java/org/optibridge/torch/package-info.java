/**
 * libtorch's optimizers as modules of a pipeline. Used by naming it: nothing outside this package
 * and the command line refers to it, and libtorch is loaded when the first module is made.
 */
@NullMarked
package org.optibridge.torch;

import org.jspecify.annotations.NullMarked;
