/**
 * Schedulers of learning rate and weight decay, under declearn's names and config keys. May use
 * {@code optimizer}.
 */
@NullMarked
package org.optibridge.schedulers;

import org.jspecify.annotations.NullMarked;
