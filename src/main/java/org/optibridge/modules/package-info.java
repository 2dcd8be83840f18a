/** Modules of the pipeline that need no framework. May use {@code optimizer} and {@code vector}. */
@NullMarked
package org.optibridge.modules;

import org.jspecify.annotations.NullMarked;
