/**
 * Named native tensors and their arithmetic. May use {@code memory}, nothing else of this library.
 */
@NullMarked
package org.optibridge.vector;

import org.jspecify.annotations.NullMarked;
