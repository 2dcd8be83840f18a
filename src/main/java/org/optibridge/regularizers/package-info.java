/** Regularizers of the pipeline. May use {@code optimizer} and {@code vector}. */
@NullMarked
package org.optibridge.regularizers;

import org.jspecify.annotations.NullMarked;
