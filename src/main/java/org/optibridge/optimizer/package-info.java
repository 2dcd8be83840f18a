/**
 * The pipeline: regularizers, then modules, then learning rate and weight decay, applied to weights
 * in place. May use {@code vector} and {@code memory}.
 */
@NullMarked
package org.optibridge.optimizer;

import org.jspecify.annotations.NullMarked;
